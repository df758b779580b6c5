"""The control plane `storefront-production`: the web shop of Saltmarsh Goods, an invented outfitter.

What happens here (the traffic in `traffic.py` agrees with it): `/api/checkout` and `/slow` wait for the Redis
behind `rate-limiting-advanced`; the recommendations upstream keeps failing for everybody; the kiosk in the
harbour still presents an expired token. Its configuration carries deliberate faults for an audit to find;
each is marked with `fault:`.
"""

from __future__ import annotations

from konnect_agent.sandbox.organisation import ControlPlane, Draft

_REDIS = {
    "host": "redis.limits.saltmarsh.example",
    "port": 6379,
    "timeout": 5000,
    "ssl": True,
    "ssl_verify": True,
}


def storefront(seed: int) -> ControlPlane:
    """The web shop's control plane."""
    draft = Draft(
        seed=seed,
        name="storefront-production",
        description="Web shop, mobile apps and in-store kiosks",
        labels={"env": "production", "team": "storefront"},
    )
    _services(draft)
    _routes(draft)
    _consumers(draft)
    _plugins(draft)
    return draft.done()


def _services(draft: Draft) -> None:
    draft.service("users-api", "users.svc.saltmarsh.example", path="/v2", tags=["tier-1"])
    # fault: plain http to the upstream
    draft.service("catalogue", "catalogue.svc.saltmarsh.example", protocol="http", port=8080)
    draft.service("search", "search.svc.saltmarsh.example", read_timeout=5000)
    draft.service("basket", "basket.svc.saltmarsh.example", tags=["tier-1"])
    # fault: a read timeout of fifteen minutes
    draft.service("checkout", "checkout.svc.saltmarsh.example", read_timeout=900000, tags=["tier-1"])
    # fault: no retries although the upstream is known to be flaky
    draft.service("recommendations", "reco.svc.saltmarsh.example", retries=0, connect_timeout=2000)
    draft.service("reports", "reports.svc.saltmarsh.example", path="/export")
    # fault: the upstream's certificate is not verified
    draft.service("reviews", "reviews.partner-hosting.example", tls_verify=False)
    draft.service("legacy-content", "cms.saltmarsh.example", protocol="http", port=80, enabled=False)


def _routes(draft: Draft) -> None:
    draft.route("users", "users-api", "/api/users", methods=["GET", "POST", "PUT", "DELETE"])
    draft.route("users-me", "users-api", "~/api/users/me$", methods=["GET"])
    # fault: the catalogue asks nobody who they are
    draft.route("catalogue", "catalogue", "/api/products", methods=["GET"], protocols=["http", "https"])
    draft.route("product", "catalogue", "~/api/products/(?<sku>[a-z0-9-]+)$", methods=["GET"])
    draft.route("search", "search", "/api/search", methods=["GET"])
    draft.route("basket", "basket", "~/api/basket")
    # fault: never reached, because the regex route above wins over any prefix
    draft.route("basket-items", "basket", "/api/basket/items")
    draft.route("checkout", "checkout", "/api/checkout", methods=["POST"])
    draft.route("reports-export", "reports", "/slow", methods=["GET"])
    draft.route("recommendations", "recommendations", "/api/recommendations", methods=["GET"])
    draft.route("my-recommendations", "recommendations", "/api/me/recommendations", methods=["GET"])
    draft.route("reviews", "reviews", "/api/reviews", methods=["GET", "POST"])
    draft.route("legacy", "legacy-content", "/legacy", protocols=["http", "https"])
    draft.route("maintenance", None, "/maintenance", protocols=["http", "https"])


def _consumers(draft: Draft) -> None:
    draft.consumer("web-shop", "saltmarsh-web", tags=("first-party",))
    draft.consumer("ios-app", "saltmarsh-ios", tags=("first-party",))
    draft.consumer("android-app", "saltmarsh-android", tags=("first-party",))
    draft.consumer("harbour-kiosk", "kiosk-017", tags=("kiosk",))
    draft.consumer(None, "crm-4711", tags=("third-party",))
    # fault: nobody has used this one for as long as the traffic reaches back
    draft.consumer("dormant-importer", "import-2023")
    draft.consumer_group("first-party")
    draft.consumer_group("kiosks")
    draft.vault(
        "hcv", "hcv-prod", "HashiCorp Vault", {"host": "vault.saltmarsh.example", "port": 8200, "kv": "v2"}
    )
    draft.vault("env", "shop-env", "Data plane environment", {"prefix": "SHOP_"})
    store = draft.id_of("config_stores", "shop")
    draft.vault("konnect", "shop-config", "Konnect config store", {"config_store_id": store})


def _plugins(draft: Draft) -> None:
    draft.plugin("prometheus", {"status_code_metrics": True, "latency_metrics": True})
    draft.plugin(
        "correlation-id", {"header_name": "X-Request-Id", "generator": "uuid", "echo_downstream": True}
    )
    # fault: any origin, with credentials
    draft.plugin("cors", {"origins": ["*"], "credentials": True, "methods": ["GET", "POST", "PUT", "DELETE"]})
    # fault: no vault of this control plane has the prefix ops-vault
    log_token = "{vault://ops-vault/log-sink/token}"
    endpoint = "https://logs.saltmarsh.example/in"
    draft.plugin("http-log", {"http_endpoint": endpoint, "headers": {"Authorization": log_token}})

    key_auth = {"key_names": ["apikey"], "key_in_query": False, "hide_credentials": True, "anonymous": None}
    for service in ("users-api", "search", "checkout", "reports"):
        draft.plugin("key-auth", key_auth, service=service)
    draft.plugin("key-auth", key_auth, route="my-recommendations")
    # fault: switched off, so the reviews can be written by anybody
    draft.plugin("key-auth", key_auth, route="reviews", enabled=False, instance_name="reviews-auth")
    oidc = {
        "issuer": "https://login.saltmarsh.example/",
        "client_id": ["basket"],
        "client_secret": ["{vault://hcv-prod/storefront/oidc-secret}"],
        "auth_methods": ["bearer"],
        "consumer_claim": ["azp"],
    }
    draft.plugin("openid-connect", oidc, service="basket")

    draft.plugin("rate-limiting", {"minute": 600, "policy": "local"}, service="users-api")
    draft.plugin("rate-limiting", {"minute": 1200, "policy": "local"}, route="users", consumer="ios-app")
    draft.plugin("rate-limiting", {"minute": 60, "policy": "local"}, consumer="harbour-kiosk")
    draft.plugin("request-size-limiting", {"allowed_payload_size": 1}, consumer_group="kiosks")
    redis = _REDIS | {"password": "{vault://shop-env/redis-password}"}
    limits = {"limit": [300], "window_size": [60], "strategy": "redis", "sync_rate": 0, "redis": redis}
    draft.plugin("rate-limiting-advanced", limits, route="checkout", instance_name="checkout-limits")
    draft.plugin("rate-limiting-advanced", limits, route="reports-export", instance_name="report-limits")
    draft.plugin("proxy-cache", {"strategy": "memory", "cache_ttl": 120}, service="catalogue")
    # fault: a secret in plain text
    upstream_key = "X-Reports-Key: sk_live_7Qm2vXw90aTZ4Lk"
    draft.plugin("request-transformer", {"add": {"headers": [upstream_key]}}, service="reports")
    draft.plugin("ip-restriction", {"allow": ["10.20.0.0/16"]}, service="reports", enabled=False)
    message = {"status_code": 503, "message": "Back in a minute"}
    draft.plugin("request-termination", message, route="maintenance")
