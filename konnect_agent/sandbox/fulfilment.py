"""The control plane group `fulfilment` with its two members, an ingress controller and an empty one.

The group itself holds no entities: its members' configurations are merged, and data planes belong to the
group only (documented), so a debug session of a member samples nothing. `partners-ingress` is written by
the Kubernetes ingress controller; `innovation-lab` is serverless and nobody has put anything into it.
"""

from __future__ import annotations

from konnect_agent.sandbox.organisation import ControlPlane, Draft


def fulfilment_group(seed: int) -> tuple[ControlPlane, ControlPlane, ControlPlane]:
    """The group, then its members `fulfilment-warehouse` and `fulfilment-returns`."""
    warehouse = _warehouse(seed)
    returns = _returns(seed)
    group = Draft(
        seed=seed,
        name="fulfilment",
        description="Everything between the till and the front door",
        cluster_type="CLUSTER_TYPE_CONTROL_PLANE_GROUP",
        labels={"env": "production", "team": "fulfilment"},
        members=(warehouse.id, returns.id),
    )
    return group.done(), warehouse, returns


def _warehouse(seed: int) -> ControlPlane:
    draft = Draft(
        seed=seed,
        name="fulfilment-warehouse",
        description="Stock and picking",
        labels={"env": "production", "team": "warehouse"},
    )
    draft.service("stock", "stock.wh.saltmarsh.example", tags=["tier-1"])
    draft.service("tracking", "tracking.wh.saltmarsh.example", read_timeout=10000)
    draft.route("stock", "stock", "/warehouse/stock", methods=["GET", "PATCH"])
    draft.route("picking", "stock", r"~/warehouse/aisles/(?<aisle>\d+)/picks$", methods=["POST"])
    # fault: parcels of all customers, without authentication
    draft.route("tracking", "tracking", "/tracking", protocols=["http", "https"])
    draft.consumer("handheld-scanners", "wh-scanners")
    draft.consumer("planning-job", "wh-planning")
    draft.vault("env", "wh-env", "Data plane environment", {"prefix": "WH_"})
    draft.plugin("key-auth", {"key_names": ["apikey"]}, service="stock")
    secret = "{vault://wh-env/tracing-key}"
    draft.plugin(
        "opentelemetry", {"endpoint": "https://otel.saltmarsh.example", "headers": {"x-otel-key": secret}}
    )
    draft.plugin("rate-limiting", {"second": 20, "policy": "local"}, service="stock")
    return draft.done()


def _returns(seed: int) -> ControlPlane:
    draft = Draft(
        seed=seed,
        name="fulfilment-returns",
        description="Returns and labels",
        labels={"env": "production", "team": "returns"},
    )
    draft.service("returns", "returns.rt.saltmarsh.example")
    draft.service("labels", "labels.rt.saltmarsh.example", protocol="http", port=9000)
    draft.route("returns", "returns", "/returns", methods=["GET", "POST"])
    draft.route("labels", "labels", "/labels", methods=["POST"])
    draft.consumer("returns-desk", "rt-desk")
    draft.plugin("jwt", {"claims_to_verify": ["exp"], "key_claim_name": "iss"}, service="returns")
    draft.plugin("key-auth", {"key_names": ["apikey"]}, service="labels")
    draft.plugin("correlation-id", {"header_name": "X-Trace", "generator": "uuid"}, service="returns")
    return draft.done()


def partners_ingress(seed: int) -> ControlPlane:
    """Partner APIs, configured from Kubernetes."""
    draft = Draft(
        seed=seed,
        name="partners-ingress",
        description="Partner APIs on the Kubernetes cluster",
        cluster_type="CLUSTER_TYPE_K8S_INGRESS_CONTROLLER",
        labels={"env": "production", "team": "partners"},
    )
    kic = ["k8s-kind:Ingress", "k8s-namespace:partners"]
    draft.service("partners.orders.80", "orders.partners.80.svc", protocol="http", port=80, tags=kic)
    # fault: a service of this name is also defined, differently, in fulfilment-warehouse
    draft.service("tracking", "tracking.partners.80.svc", protocol="http", port=80, retries=1, tags=kic)
    hosts = ["partners.saltmarsh.example"]
    draft.route("partners.orders.00", "partners.orders.80", "/orders", hosts=hosts, tags=kic)
    # fault: any host below the domain
    wildcard = ["*.partners.saltmarsh.example"]
    draft.route(
        "partners.tracking.00", "tracking", "/parcels", hosts=wildcard, protocols=["http", "https"], tags=kic
    )
    draft.consumer("marketplace-hub", "partner-0042")
    draft.consumer("courier-alliance", "partner-0077")
    draft.plugin(
        "key-auth", {"key_names": ["x-partner-key"], "key_in_query": True}, service="partners.orders.80"
    )
    draft.plugin("rate-limiting", {"hour": 5000, "policy": "local"}, service="partners.orders.80")
    return draft.done()


def innovation_lab(seed: int) -> ControlPlane:
    """Nothing is configured here."""
    return Draft(
        seed=seed,
        name="innovation-lab",
        description="Playground, not used yet",
        cluster_type="CLUSTER_TYPE_SERVERLESS_V1",
        labels={"env": "lab"},
    ).done()
