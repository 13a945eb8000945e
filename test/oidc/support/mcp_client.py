"""The official Python SDK as a client of an MCP server: says where a person has to go, and what `whoami` answers.

Reads from the environment what it connects to and as whom, writes lines of JSON, and reads from standard input where the
person came back to, or an assertion that it was asked for.
"""

import asyncio
import json
import os
import sys
from urllib.parse import parse_qs, urlsplit

from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.client.auth.extensions.identity_assertion import IdentityAssertionOAuthProvider
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

env = os.environ
SERVER, ISSUER, KIND = env["SERVER"], env["ISSUER"], env["KIND"]


class Storage:
    tokens = None
    client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


def say(**line):
    print(json.dumps(line), flush=True)


async def hear():
    return (await asyncio.to_thread(sys.stdin.readline)).strip()


async def open_page(url):
    say(open=url)


async def came_back():
    query = {name: values[0] for name, values in parse_qs(urlsplit(await hear()).query).items()}
    return AuthorizationCodeResult(code=query["code"], state=query.get("state"), iss=query.get("iss"))


async def assertion(audience, resource):
    say(audience=audience, resource=resource)
    return await hear()


def provider(storage):
    known = {"server_url": SERVER, "storage": storage}
    confidential = {**known, "client_id": env.get("CLIENT_ID", ""), "issuer": ISSUER}
    if KIND == "client_credentials":
        return ClientCredentialsOAuthProvider(**confidential, client_secret=env["CLIENT_SECRET"], scope="tools:read")
    if KIND == "private_key_jwt":
        signed = SignedJWTParameters(
            issuer=env["CLIENT_ID"],
            subject=env["CLIENT_ID"],
            signing_key=env["PRIVATE_KEY"],
            signing_algorithm="ES256",
        )
        return PrivateKeyJWTOAuthProvider(
            **confidential, assertion_provider=signed.create_assertion_provider(), scope="tools:read"
        )
    if KIND == "identity_assertion":
        return IdentityAssertionOAuthProvider(
            **confidential, client_secret=env["CLIENT_SECRET"], assertion_provider=assertion, scope="tools:read"
        )
    return OAuthClientProvider(
        **known,
        client_metadata=OAuthClientMetadata(
            client_name="A Python agent",
            redirect_uris=["http://localhost:3030/callback"],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            token_endpoint_auth_method="none",
        ),
        redirect_handler=open_page,
        callback_handler=came_back,
        client_metadata_url=env.get("CLIENT_METADATA_URL"),
    )


async def main():
    storage = Storage()
    async with create_mcp_http_client(auth=provider(storage)) as http_client:
        async with streamable_http_client(SERVER, http_client=http_client) as streams:
            async with ClientSession(streams[0], streams[1]) as session:
                await session.initialize()
                result = await session.call_tool("whoami", {})
                client = storage.client.client_id if storage.client else env.get("CLIENT_ID")
                say(whoami=json.loads(result.content[0].text), client=client)


asyncio.run(main())
