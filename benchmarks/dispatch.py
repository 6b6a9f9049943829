"""How many contact-steps leave in a second, each durable, through claim → render → SMTP → settle?

The same work by others in the same run (benchmarks/peers.py). All talk to the same server, which takes every mail and
keeps none; it stands for the providers, so its CPU time is shown but not counted. Rate limits are off.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks import peers, steps
from benchmarks.ground import Gate, Measured, cores, cpu_seconds, peak_memory_mb, run_workers, runtime
from benchmarks.mail_server import mail_server
from cadenza.mail.transports import Transports
from cadenza.runtime import Runtime, use
from cadenza.settings import Settings
from cadenza.store import database

#: Beside the settings as installed: a claim of a large wave, and more mails of a connection in one commit.
WIDE = {"claim_size": 1_000, "send_window": 20}


def main(size: int) -> None:
    """Hand over ``size`` contact-steps, and a part of them by the peers."""
    few = max(size // 10, 60)
    with mail_server() as (port, server):
        _print("smtplib and EmailMessage in a loop, nothing kept", few, baseline := peers.bare_loop(few, port), None)
        base = baseline.seconds / few
        _print("composer and connection in a loop, nothing kept", size, peers.composed_loop(size, port), base)
        with runtime() as ground:
            steps.fill(ground, few, port)
            for name, jobs in (("procrastinate", peers.procrastinate_jobs), ("huey", peers.huey_jobs)):
                _print(f"{name}, {cores()} workers", few, jobs(ground, few, port, server), base)
        for name, settings in ((str(WIDE), WIDE), ("as installed", {})):
            before = cpu_seconds(server)
            taken = cadenza(size, port, server, settings)
            _print(f"Cadenza, {cores()} workers, {name}", size // steps.STEPS * steps.STEPS, taken, base)
            share = 1000 * (cpu_seconds(server) - before) / size
        own = cadenza(size, port, server, {}, with_own_options=True)
        _print("as installed, a tenth with options of their own", size // steps.STEPS * steps.STEPS, own, base)
    print(f"peak of a process {peak_memory_mb():,.0f} MB; the mail server, apart: {share:.3f} ms CPU a step")


def cadenza(size: int, port: int, server: int, settings: dict[str, Any], *, with_own_options: bool = False) -> Measured:
    """Everything that is due, sent by a worker a core."""
    with runtime(**settings) as ground:
        steps.fill(ground, size // steps.STEPS, port, with_own_options=with_own_options)
        url = ground.settings.database_url
        assert url
        arguments = (url.get_secret_value(), str(ground.settings.home), settings, cores())
        taken = run_workers(_work, arguments, ground, apart=[server])
        if (sent := steps.sent(ground)) != size // steps.STEPS * steps.STEPS:
            raise SystemExit(f"{sent} of {size} steps were sent: the figure would be wrong.")
    return taken


def _work(url: str, home: str, given: dict[str, Any], shards: int, shard: int, gate: Gate) -> None:
    """What flows/send_wave.py does in a wave that shows counts only, without Prefect."""
    from tasks.claim_steps import claim_steps
    from tasks.send_email import hand_over

    settings = Settings(home=home, database_url=url, **given)  # type: ignore[arg-type]
    engine = database.connect(url)
    with use(Runtime(settings, engine, Transports(settings))) as worker:
        with database.transaction(engine):
            pass
        gate.wait()
        idle = 0
        while idle < 3:
            claim = claim_steps.fn(steps.ZONE, shard=shard, shards=shards)
            if claim.delivery_ids:
                hand_over(claim.delivery_ids)
                idle = 0
            else:
                idle += 1
                time.sleep(0.02)
        worker.transports.close()


def _print(name: str, steps: int, taken: Measured, base: float | None) -> None:
    each = taken.seconds / steps
    print(
        f"{name:66} {1 / each:8,.0f} steps/s {(base or each) / each:6.2f} × baseline"
        f" {1000 * taken.cpu_seconds / steps:7.3f} ms CPU a step"
        f" (database {1000 * taken.database_seconds / steps:.3f})",
        flush=True,
    )
