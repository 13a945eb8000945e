"""Runs PyPI's scim2-tester against a service: docs/scim.md says how. Ends with 1 when it finds anything."""

import sys

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import check_server

url, token = sys.argv[1:]
client = SyncSCIMClient(Client(base_url=url, headers={"Authorization": f"Bearer {token}"}))
results = check_server(client)
found = [one for one in results if one.status.name not in ("SUCCESS", "COMPLIANT", "ACCEPTABLE")]
for one in found:
    print(one.status.name, one.title, one.reason)
print(f"{len(results)} checks, {len(found)} found something")
sys.exit(1 if found else 0)
