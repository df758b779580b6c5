"""The near-named control planes `payments-production` and `payments-staging`.

Both define the services `payments-core` and `refunds`, and differ in how: the sort of drift an audit reports.
Production's refunds answer 503 now and then, and its traffic still carries a consumer that was deleted.
Deliberate configuration faults are marked with `fault:`.
"""

from __future__ import annotations

from konnect_agent.sandbox.organisation import ControlPlane, Draft


def payments_production(seed: int) -> ControlPlane:
    """Card payments, refunds and exchange rates."""
    draft = Draft(
        seed=seed,
        name="payments-production",
        description="Card payments, refunds and exchange rates",
        labels={"env": "production", "team": "payments"},
    )
    hosts = ["pay.saltmarsh.example"]
    draft.service("payments-core", "core.pay.saltmarsh.example", read_timeout=20000, retries=1, tags=["pci"])
    draft.service("refunds", "refunds.pay.saltmarsh.example", read_timeout=20000, tags=["pci"])
    draft.service("fx-rates", "fx.pay.saltmarsh.example", path="/v1")
    draft.service(
        "card-vault", "cards.pay.saltmarsh.example", client_certificate={"id": draft.id_of("certs", "cards")}
    )
    draft.route("payments", "payments-core", "/payments", methods=["GET", "POST"], hosts=hosts)
    draft.route(
        "payment-status", "payments-core", r"~/payments/(?<id>\d+)/status$", methods=["GET"], hosts=hosts
    )
    draft.route("refunds", "refunds", "/refunds", methods=["POST"], hosts=hosts)
    draft.route("fx-rates", "fx-rates", "/fx/rates", methods=["GET"], hosts=["*.saltmarsh.example"])
    draft.route("cards", "card-vault", "~/cards/(?<token>[0-9a-f]{8})$", methods=["GET"], hosts=hosts)

    draft.consumer("checkout-service", "svc-checkout", tags=("internal",))
    draft.consumer("back-office", "svc-back-office", tags=("internal",))
    draft.consumer("marketplace-hub", "partner-0042", tags=("partner",))
    draft.consumer_group("internal")
    draft.vault(
        "hcv", "hcv-pay", "HashiCorp Vault", {"host": "vault.saltmarsh.example", "port": 8200, "kv": "v2"}
    )

    draft.plugin("prometheus", {"status_code_metrics": True})
    draft.plugin("key-auth", {"key_names": ["apikey"], "key_in_query": False, "hide_credentials": True})
    secret = {
        "host": "redis.pay.saltmarsh.example",
        "port": 6379,
        "password": "tidal-otter-41-broom",
        "ssl": True,
    }
    # fault: the Redis password is written out
    limits = {"limit": [50], "window_size": [1], "strategy": "redis", "redis": secret}
    draft.plugin("rate-limiting-advanced", limits, service="payments-core")
    draft.plugin(
        "request-size-limiting", {"allowed_payload_size": 64, "size_unit": "kilobytes"}, service="refunds"
    )
    draft.plugin("rate-limiting", {"minute": 120, "policy": "local"}, consumer="marketplace-hub")
    draft.plugin("request-size-limiting", {"allowed_payload_size": 4}, consumer_group="internal")
    mtls = {"ca_certificates": [draft.id_of("ca_certificates", "partners")], "skip_consumer_lookup": False}
    draft.plugin("mtls-auth", mtls, route="cards")
    draft.plugin("acl", {"allow": ["internal"]}, route="refunds")
    return draft.done()


def payments_staging(seed: int) -> ControlPlane:
    """The copy that drifted: plain http, fewer plugins, a wildcard host."""
    draft = Draft(
        seed=seed,
        name="payments-staging",
        description="Copy of payments-production for rehearsals",
        labels={"env": "staging", "team": "payments"},
    )
    # fault: the same service as in production, over plain http and with other timeouts
    draft.service("payments-core", "core.stage.saltmarsh.example", protocol="http", port=8080, retries=5)
    # fault: connecting may take longer than anybody waits
    draft.service("refunds", "refunds.stage.saltmarsh.example", connect_timeout=600000, retries=0)
    draft.route(
        "payments", "payments-core", "/payments", protocols=["http"], hosts=["*.stage.saltmarsh.example"]
    )
    draft.route("refunds", "refunds", "/refunds", methods=["POST"], protocols=["http", "https"])
    draft.consumer("rehearsal-bot", "svc-rehearsal")
    draft.vault("env", "stage-env", "Data plane environment", {"prefix": "STAGE_"})
    draft.plugin("key-auth", {"key_names": ["apikey"], "key_in_query": True}, service="payments-core")
    draft.plugin("rate-limiting", {"minute": 30, "policy": "local"}, service="payments-core", enabled=False)
    return draft.done()
