"""Programs that are no Python: curl, wget, and Java's own client, where they are found."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from helpers.live import Live
from helpers.patience import PATIENCE

BODY = json.dumps({"inputs": "a film", "dimensions": 2})


def program(name: str) -> str:
    return shutil.which(name) or pytest.skip(f"{name} is not installed")


@pytest.mark.parametrize("options", [[], ["--http2"], ["--http1.0"], ["--compressed"], ["-H", "Expect: 100-continue"]])
def test_curl(server: Live, options: list[str]) -> None:
    command = [program("curl"), "-sS", "--fail-with-body", *options, "-H", "Content-Type: application/json"]
    done = subprocess.run([*command, "-d", BODY, f"{server.url}/embed"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(json.loads(done.stdout)[0]) == 2


def test_wget_asks_whether_it_is_there(server: Live) -> None:
    command = [program("wget"), "--quiet", "--tries=1", "--spider"]
    assert subprocess.run([*command, f"{server.url}/health"], check=False).returncode == 0
    assert subprocess.run([*command, f"{server.url}/none"], check=False).returncode == 8


JAVA = """
import java.net.URI;
import java.net.http.*;

public class Ask {
    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        for (int n = 0; n < 2; n++) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0]))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(arguments[1])).build();
            HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println(answer.statusCode() + " " + answer.version() + " " + answer.body());
        }
    }
}
"""


@pytest.mark.slow
def test_javas_client(server: Live, tmp_path: Path) -> None:
    (tmp_path / "Ask.java").write_text(JAVA)
    command = [program("java"), str(tmp_path / "Ask.java"), f"{server.url}/embed", BODY]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    lines = done.stdout.splitlines()
    assert [line.split("[[")[0] for line in lines] == ["200 HTTP_1_1 ", "200 HTTP_1_1 "], done.stdout + done.stderr
