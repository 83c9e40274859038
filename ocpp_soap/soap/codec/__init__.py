"""XML elements to messages and back: lenient in, strict out.

:func:`decode` understands what can be understood and says what it forgave, each as a
:class:`~ocpp_soap.dispatch.MessageWarning` of one of these kinds:

========================  =============================================================================
``order``                 an element stands after one that it should precede
``namespace``             an element is in another namespace than its parent's service, or in none
``odd_case``              an element begins with a capital letter, or a choice is written in other case
``unknown_element``       an element that no version has; not kept
``unread_value``          what stands where a meter value belongs and is none that is known; the envelope is kept
``unknown_attribute``     the same for an attribute of a meter value
``not_in_version``        a field, attribute or choice of 1.5 in a message of 1.2
``sampled_value_shape``   a meter value in the shape of 1.6
``missing``               a value that should be there; ``FieldInfo.if_missing`` or nothing is taken
``nil``, ``empty``        an element that says nothing
``repeated``              an element is there twice, with the same value
``surrounding_spaces``    spaces around a name or identifier, not kept
``too_long``              longer than the specification allows; kept whole
``unknown_choice``        a value that is none of the list; kept as sent
``odd_integer``           ``1.0`` or ``+1``
``rounded``               an energy with decimals, rounded to whole Wh
``not_an_integer``        a meter value of 1.2 with decimals or other text; kept as sent
``out_of_range``          more than 32 bits, at most 64
``odd_boolean``           ``True`` or the like
``zoneless_time``         read as UTC
``end_of_day_time``       24:00:00, read as 00:00:00 of the next day
``long_fraction``         more than six digits of a second; the rest is cut
``odd_time``              a space, comma, lower-case t or z, a zone over 14 h or without colon, no seconds, second 60
``markup_in_text``        elements where text belongs; kept as text
========================  =============================================================================

:func:`encode` sends nothing that the schema or the text of the specification forbids: it raises InvalidMessage.
"""

from ocpp_soap.soap.codec.decoding import decode
from ocpp_soap.soap.codec.encoding import check, encode
from ocpp_soap.soap.codec.names import body_name

__all__ = ["body_name", "check", "decode", "encode"]
