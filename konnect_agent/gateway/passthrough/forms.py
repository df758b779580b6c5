"""The five documented forms, chosen by name, and where each is meant for.

    deck          a decK file                       Konnect: the control plane's name
    admin-api     a shell script of curl requests   the Admin API's URL
    konnect-api   the same against Konnect          region and control plane id
    kubernetes    manifests                         namespace; HTTPRoute or Ingress
    terraform     the Konnect provider's resources  region and control plane id

Scopes and shapes are the sheet's (10.4, documented).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

from konnect_agent.errors import ConfigError
from konnect_agent.gateway.passthrough.description import Passthrough
from konnect_agent.ids import is_id

Form = Literal["deck", "admin-api", "konnect-api", "kubernetes", "terraform"]
FORMS: Final[tuple[Form, ...]] = get_args(Form)
API_REGIONS: Final = ("us", "eu", "au", "me", "in", "sg")
"""Regions of the Konnect API; the MCP Server has fewer."""

RouteKind = Literal["httproute", "ingress"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a form is applied; each form takes what concerns it. Raises `ConfigError` for what no form can
    use. `control_plane` is a name for decK and an id for the Konnect API and Terraform, which leave it to a
    variable if it is not given."""

    region: str = "us"
    control_plane: str | None = None
    admin_url: str = "http://localhost:8001"
    namespace: str = "kong"
    route_kind: RouteKind = "httproute"

    def __post_init__(self) -> None:
        if self.region not in API_REGIONS:
            raise ConfigError(
                f"{self.region!r} is no region of the Konnect API.", hint=f"Use {', '.join(API_REGIONS)}."
            )
        if self.control_plane is not None and not (
            self.control_plane.strip() and self.control_plane.isprintable()
        ):
            raise ConfigError("The control plane's name is none.", hint="Give a name, or an id.")
        if self.route_kind not in get_args(RouteKind):
            raise ConfigError(f"{self.route_kind!r} is no kind of route.", hint="Use httproute or ingress.")

    @property
    def control_plane_id(self) -> str | None:
        """The control plane's id. Raises `ConfigError` for a name."""
        if self.control_plane is not None and not is_id(self.control_plane):
            raise ConfigError(
                f"{self.control_plane!r} is a name, and this form needs the control plane's id.",
                hint="The id is a UUID; Konnect shows it on the control plane's page.",
            )
        return self.control_plane


def render(description: Passthrough, form: Form, *, place: Place | None = None) -> str:
    """A description in one of the forms, as text that ends with a newline. Raises `ConfigError` for a form
    there is none of, and for what this form cannot say."""
    from konnect_agent.gateway.passthrough import deck, kubernetes, requests, terraform

    where = place or Place()
    match form:
        case "deck":
            return deck.file(description, control_plane=where.control_plane)
        case "admin-api":
            return requests.admin_script(description, where.admin_url)
        case "konnect-api":
            return requests.konnect_script(description, where.region, where.control_plane_id)
        case "kubernetes":
            return kubernetes.manifests(description, namespace=where.namespace, route_kind=where.route_kind)
        case "terraform":
            return terraform.file(description, region=where.region, control_plane_id=where.control_plane_id)
        case _:
            raise ConfigError(f"{form!r} is no form.", hint=f"Use one of {', '.join(FORMS)}.")
