import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from django_app import configure, page, run

ISSUER = os.environ["ISSUER"]
configure(
    apps=["mozilla_django_oidc"],
    AUTHENTICATION_BACKENDS=["__main__.Backend"],
    OIDC_RP_CLIENT_ID=os.environ["CLIENT_ID"],
    OIDC_RP_CLIENT_SECRET=os.environ["CLIENT_SECRET"],
    OIDC_RP_SIGN_ALGO="RS256",
    OIDC_RP_SCOPES="openid profile email",
    OIDC_USE_PKCE=True,
    OIDC_OP_AUTHORIZATION_ENDPOINT=ISSUER + "/oauth2/authorize",
    OIDC_OP_TOKEN_ENDPOINT=ISSUER + "/oauth2/token",
    OIDC_OP_USER_ENDPOINT=ISSUER + "/oauth2/userinfo",
    OIDC_OP_JWKS_ENDPOINT=ISSUER + "/oauth2/jwks",
)

from django.urls import include, path
from mozilla_django_oidc.auth import OIDCAuthenticationBackend


class Backend(OIDCAuthenticationBackend):
    """An address can change hands: people are known by their `sub`."""

    def filter_users_by_claims(self, claims):
        return self.UserModel.objects.filter(username=claims["sub"])

    def create_user(self, claims):
        return self.update_user(self.UserModel(username=claims["sub"]), claims)

    def update_user(self, user, claims):
        user.first_name = claims.get("name", "")
        user.email = claims.get("email", "")
        user.save()
        return user


urlpatterns = [
    path("oidc/", include("mozilla_django_oidc.urls")),
    path("", lambda request: page(request, "/oidc/authenticate/", "/oidc/logout/")),
]

if __name__ == "__main__":
    run()
