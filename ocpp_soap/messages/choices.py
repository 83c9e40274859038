"""The closed lists of values (12/15 chapter 7), in the specification's spelling."""

from __future__ import annotations

from ocpp_soap.messages.fields import Choice
from ocpp_soap.messages.versions import Version

_V15 = Version.V15


class AuthorizationStatus(Choice):
    """Whether an idTag may charge (12 §7.1, 15 §7.2). ConcurrentTx only makes sense in the answer to a start."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    CONCURRENT_TX = "ConcurrentTx"


class RegistrationStatus(Choice):
    """Answer to a BootNotification (12/15 §4.2); there is no Pending before 1.6."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class ChargePointErrorCode(Choice):
    """What is wrong with a connector or the station (12 §7.4, 15 §7.7)."""

    CONNECTOR_LOCK_FAILURE = "ConnectorLockFailure"
    HIGH_TEMPERATURE = "HighTemperature"
    MODE3_ERROR = "Mode3Error"
    NO_ERROR = "NoError"
    POWER_METER_FAILURE = "PowerMeterFailure"
    POWER_SWITCH_FAILURE = "PowerSwitchFailure"
    READER_FAILURE = "ReaderFailure"
    RESET_FAILURE = "ResetFailure"
    GROUND_FAILURE = "GroundFailure", _V15
    OVER_CURRENT_FAILURE = "OverCurrentFailure", _V15
    UNDER_VOLTAGE = "UnderVoltage", _V15
    WEAK_SIGNAL = "WeakSignal", _V15
    OTHER_ERROR = "OtherError", _V15


class ChargePointStatus(Choice):
    """State of a connector, or of the station as connector 0 (12 §7.5, 15 §7.10)."""

    AVAILABLE = "Available"
    OCCUPIED = "Occupied"
    FAULTED = "Faulted"
    UNAVAILABLE = "Unavailable"
    RESERVED = "Reserved", _V15


class FirmwareStatus(Choice):
    """How far a firmware update got (12 §4.4, 15 §4.5)."""

    DOWNLOADED = "Downloaded"
    DOWNLOAD_FAILED = "DownloadFailed"
    INSTALLATION_FAILED = "InstallationFailed"
    INSTALLED = "Installed"


class DiagnosticsStatus(Choice):
    """How a diagnostics upload ended (12 §4.3, 15 §4.4)."""

    UPLOADED = "Uploaded"
    UPLOAD_FAILED = "UploadFailed"


class DataTransferStatus(Choice):
    """Answer to a DataTransfer (15 §4.3, §7.14)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    UNKNOWN_MESSAGE_ID = "UnknownMessageId"
    UNKNOWN_VENDOR_ID = "UnknownVendorId"


class ReadingContext(Choice):
    """Why a meter value was taken (15 §7.28)."""

    INTERRUPTION_BEGIN = "Interruption.Begin"
    INTERRUPTION_END = "Interruption.End"
    SAMPLE_CLOCK = "Sample.Clock"
    SAMPLE_PERIODIC = "Sample.Periodic"
    TRANSACTION_BEGIN = "Transaction.Begin"
    TRANSACTION_END = "Transaction.End"


class Measurand(Choice):
    """What a meter value measures (15 §7.23). Import is into the vehicle, Export out of it."""

    ENERGY_ACTIVE_EXPORT_REGISTER = "Energy.Active.Export.Register"
    ENERGY_ACTIVE_IMPORT_REGISTER = "Energy.Active.Import.Register"
    ENERGY_REACTIVE_EXPORT_REGISTER = "Energy.Reactive.Export.Register"
    ENERGY_REACTIVE_IMPORT_REGISTER = "Energy.Reactive.Import.Register"
    ENERGY_ACTIVE_EXPORT_INTERVAL = "Energy.Active.Export.Interval"
    ENERGY_ACTIVE_IMPORT_INTERVAL = "Energy.Active.Import.Interval"
    ENERGY_REACTIVE_EXPORT_INTERVAL = "Energy.Reactive.Export.Interval"
    ENERGY_REACTIVE_IMPORT_INTERVAL = "Energy.Reactive.Import.Interval"
    POWER_ACTIVE_EXPORT = "Power.Active.Export"
    POWER_ACTIVE_IMPORT = "Power.Active.Import"
    POWER_REACTIVE_EXPORT = "Power.Reactive.Export"
    POWER_REACTIVE_IMPORT = "Power.Reactive.Import"
    CURRENT_EXPORT = "Current.Export"
    CURRENT_IMPORT = "Current.Import"
    VOLTAGE = "Voltage"
    TEMPERATURE = "Temperature"


class ValueFormat(Choice):
    """How a meter value is written (15 §7.41): a number, or a signed block in hex."""

    RAW = "Raw"
    SIGNED_DATA = "SignedData"


class UnitOfMeasure(Choice):
    """Unit of a meter value (15 §7.37)."""

    WH = "Wh"
    KWH = "kWh"
    VARH = "varh"
    KVARH = "kvarh"
    W = "W"
    KW = "kW"
    VAR = "var"
    KVAR = "kvar"
    AMP = "Amp"
    VOLT = "Volt"
    CELSIUS = "Celsius"


class Location(Choice):
    """Where a meter value was taken (15 §7.24)."""

    INLET = "Inlet"
    OUTLET = "Outlet"
    BODY = "Body"


class UnlockStatus(Choice):
    """Whether the connector could be unlocked (12 §5.8, 15 §5.14)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class ResetType(Choice):
    """Hard reboots, Soft returns to the idle state (12 §5.7, 15 §5.12)."""

    HARD = "Hard"
    SOFT = "Soft"


class ResetStatus(Choice):
    """Whether the reset will be executed."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class AvailabilityType(Choice):
    """Operative: charging or ready to. Inoperative: allows no charging (12 §5.1, 15 §5.2)."""

    INOPERATIVE = "Inoperative"
    OPERATIVE = "Operative"


class AvailabilityStatus(Choice):
    """Answer to ChangeAvailability; Scheduled: when the running transaction has ended."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    SCHEDULED = "Scheduled"


class ClearCacheStatus(Choice):
    """Whether the cache of idTags was emptied (12 §5.3, 15 §5.4)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class ConfigurationStatus(Choice):
    """Answer to ChangeConfiguration (12 §5.2, 15 §5.3); NotSupported: no such key."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    NOT_SUPPORTED = "NotSupported"


class RemoteStartStopStatus(Choice):
    """Whether a remote start or stop will be executed (12 §5.5, §5.6, 15 §5.9, §5.10)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class CancelReservationStatus(Choice):
    """Whether there was such a reservation (15 §5.1)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class ReservationStatus(Choice):
    """Answer to ReserveNow (15 §5.11, §7.32)."""

    ACCEPTED = "Accepted"
    FAULTED = "Faulted"
    OCCUPIED = "Occupied"
    REJECTED = "Rejected"
    UNAVAILABLE = "Unavailable"


class UpdateType(Choice):
    """Whether a SendLocalList changes the list or replaces it (15 §5.13)."""

    DIFFERENTIAL = "Differential"
    FULL = "Full"


class UpdateStatus(Choice):
    """Answer to SendLocalList (15 §5.13)."""

    ACCEPTED = "Accepted"
    FAILED = "Failed"
    HASH_ERROR = "HashError"
    NOT_SUPPORTED = "NotSupported"
    VERSION_MISMATCH = "VersionMismatch"
