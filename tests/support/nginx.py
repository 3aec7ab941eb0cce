"""A real nginx before a server of ours, as an operator sets it up."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.support.certificates import make_certificate
from tests.support.instances import free_port
from tests.support.programs import ended_process, find_program

START_SECONDS = 60
"""A bound, not an expectation."""
POLL_SECONDS = 0.05
"""nginx does not say when it is ready."""
PAGES = Path(__file__).parents[2] / "docs"
"""What they tell operators to write is what is tried."""
_CONFIG = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr warn;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    {location}
  }}
}}
"""


@asynccontextmanager
async def running_nginx(
    folder: Path, target: int, page: str = "listeners.md", documented_port: int = 8080
) -> AsyncIterator[int]:
    """The port on which it speaks HTTP/1.1 and HTTP/2 over TLS; what it is asked it asks on the port ``target``, by
    the lines of ``page``. The test is skipped where there is no nginx."""
    program = find_program("nginx", "/usr/sbin/nginx")
    made, port = make_certificate(folder), free_port()
    config = folder / "nginx.conf"
    location = (PAGES / page).read_text(encoding="utf-8").partition("```nginx\n")[2].partition("```")[0]
    location, count = re.subn(rf":{documented_port}(?=/?;)", f":{target}", location)
    assert count
    values = {
        "folder": folder,
        "port": port,
        "certificate": made.certificate,
        "key": made.key,
        "location": location,
    }
    config.write_text(_CONFIG.format(**values))
    process = await asyncio.create_subprocess_exec(program, "-p", str(folder), "-c", str(config))
    async with ended_process(process):
        for _ in range(int(START_SECONDS / POLL_SECONDS)):
            assert process.returncode is None, "nginx ended"
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                yield port
                return
            await asyncio.sleep(POLL_SECONDS)
        raise AssertionError("nginx does not listen")
