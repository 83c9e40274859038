"""``ocpp-soap webhooks``: where events are sent, and those that were not taken."""

from __future__ import annotations

import click

from ocpp_soap.central_system.records import every
from ocpp_soap.central_system.webhooks import Webhook
from ocpp_soap.cli.author import author
from ocpp_soap.cli.context import central_system, existing, first, limit_option
from ocpp_soap.cli.exits import FAILED
from ocpp_soap.cli.output import json_option, plain, print_hint, print_json, print_record, print_table

_webhook = click.argument("webhook_id", metavar="ID")


@click.group(name="webhooks")
def command() -> None:
    """Send events to other systems, and see what these did not take."""


@command.command()
@click.argument("url")
@click.option("--kind", "kinds", multiple=True, help="Only these, such as transaction.started.  [default: all]")
@click.option("--station", "charge_box_identity", metavar="ID", help="Only those of this charge point.")
@json_option
@click.pass_context
def add(
    ctx: click.Context, /, *, url: str, kinds: tuple[str, ...], charge_box_identity: str | None, as_json: bool
) -> None:
    """Send the events from now on to URL. The secret that signs them is printed this once.

    \b
    Example:
      ocpp-soap webhooks add https://example.com/events --kind transaction.started --kind transaction.stopped
    """
    with central_system(ctx) as system:
        try:
            webhook = system.webhooks.add(url, kinds=kinds, charge_box_identity=charge_box_identity, by=author())
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    if as_json:
        print_json({"webhook": _shown(webhook), "secret": webhook.secret})
        return
    print_hint(f"Webhook {webhook.webhook_id} is sent the events from now on. They are signed with this secret:")
    click.echo(webhook.secret)


@command.command(name="list")
@limit_option
@json_option
@click.pass_context
def list_(ctx: click.Context, limit: int, as_json: bool) -> None:
    """List the webhooks with how far they are and what their receiver answered last.

    \b
    Example:
      ocpp-soap webhooks list
    """
    with central_system(ctx) as system:
        webhooks = first(every(system.webhooks.list), limit)
    if as_json:
        print_json([_shown(webhook) for webhook in webhooks])
        return
    columns = ("ID", "URL", "ACTIVE", "DELIVERED", "DEAD", "NEXT TRY", "LAST ERROR")
    rows = (
        (w.webhook_id, w.url, w.is_active, w.delivered, w.dead, w.next_try_at, w.last_error or None) for w in webhooks
    )
    print_table(columns, rows, nothing="No webhooks. `ocpp-soap webhooks add URL` makes one.")


@command.command()
@_webhook
@json_option
@click.pass_context
def pause(ctx: click.Context, webhook_id: str, as_json: bool) -> None:
    """Send nothing until `webhooks resume`; events wait for `events.retention_days`.

    \b
    Example:
      ocpp-soap webhooks pause 4be0643f1d98
    """
    _set_active(ctx, webhook_id, False, as_json)


@command.command()
@_webhook
@json_option
@click.pass_context
def resume(ctx: click.Context, webhook_id: str, as_json: bool) -> None:
    """Go on where it was, at once.

    \b
    Example:
      ocpp-soap webhooks resume 4be0643f1d98
    """
    _set_active(ctx, webhook_id, True, as_json)


@command.command()
@_webhook
@click.pass_context
def remove(ctx: click.Context, webhook_id: str) -> None:
    """End a webhook and forget its dead letters.

    \b
    Example:
      ocpp-soap webhooks remove 4be0643f1d98
    """
    with central_system(ctx) as system:
        existing(system.webhooks.remove(webhook_id), f"webhook {webhook_id}", "webhooks list")
    print_hint(f"{webhook_id} is sent nothing any more.")


@command.command(name="dead-letters")
@_webhook
@limit_option
@json_option
@click.pass_context
def dead_letters(ctx: click.Context, webhook_id: str, limit: int, as_json: bool) -> None:
    """List the events that the receiver of a webhook did not take, however often they were tried.

    \b
    Example:
      ocpp-soap webhooks dead-letters 4be0643f1d98
    """
    with central_system(ctx) as system:
        letters = first(every(system.webhooks.dead_letters, webhook_id=webhook_id), limit)
    if as_json:
        print_json(letters)
        return
    columns = ("LETTER", "KIND", "STATION", "PUT ASIDE", "TRIES", "ERROR")
    rows = (
        (x.letter_id, x.event_record.kind, x.event_record.charge_box_identity, x.failed_at, x.attempts, x.error)
        for x in letters
    )
    print_table(columns, rows, nothing="No event was put aside.")


@command.command()
@click.argument("letter_id", metavar="LETTER")
@click.pass_context
def redeliver(ctx: click.Context, letter_id: str) -> None:
    """Send a dead letter again, now; it is forgotten if it is taken. The exit code is 1 if it is not.

    \b
    Example:
      ocpp-soap webhooks redeliver 9f1c5a…
    """
    with central_system(ctx) as system:
        found = system.webhooks.dead_letter(letter_id)
        letter = existing(found, f"dead letter {letter_id}", "webhooks dead-letters ID")
        error = system.webhook_delivery.redeliver(letter)
    print_hint(f"It was not taken: {error}" if error else "It was taken.")
    if error:
        ctx.exit(FAILED)


def _set_active(ctx: click.Context, webhook_id: str, is_active: bool, as_json: bool) -> None:
    with central_system(ctx) as system:
        changed = system.webhooks.set_active(webhook_id, is_active)
        webhook = existing(changed, f"webhook {webhook_id}", "webhooks list")
    print_record(_shown(webhook), as_json)


def _shown(webhook: Webhook) -> dict[str, object]:
    """A webhook without what only the delivery needs and without its secret."""
    hidden = {"secret", "cursor", "leased_by", "leased_until"}
    return {name: value for name, value in plain(webhook).items() if name not in hidden}
