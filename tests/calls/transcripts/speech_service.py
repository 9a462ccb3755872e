"""A stand-in for Azure AI Speech, by the REST reference of its fast transcription.

Source: https://learn.microsoft.com/rest/api/speechtotext/transcriptions/transcribe
"""

from __future__ import annotations

import json
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from contract import wav

_PATH = "/speechtotext/transcriptions:transcribe"


class SpeechService:
    """Answers each file with one phrase, and the first ``failures`` requests with an error."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.failures = 0
        self.confidence = 0.9
        self.endpoint = ""
        self._runner: web.AppRunner

    async def start(self) -> None:
        application = web.Application(client_max_size=2**26)
        application.router.add_post(_PATH, self._transcribe)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.endpoint = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def listen_with_tls(self, folder: Path) -> tuple[Path, str]:
        """Listen on a second port, over TLS; returns the certificate and the endpoint."""
        certificate, key = _write_certificate(folder)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        return certificate, f"https://localhost:{self._runner.addresses[-1][1]}"

    async def _transcribe(self, request: web.Request) -> web.Response:
        form = await request.post()
        audio = form["audio"]
        assert isinstance(audio, web.FileField)
        wav_format = wav.parse(audio.file.read())
        definition = json.loads(str(form["definition"]))
        self.requests.append(
            {
                "key": request.headers.get("Ocp-Apim-Subscription-Key"),
                "authorization": request.headers.get("Authorization"),
                "version": request.query["api-version"],
                "definition": definition,
                "samples": wav_format.data_bytes // 2,
            }
        )
        if self.failures:
            self.failures -= 1
            error = {"error": {"code": "TooManyRequests", "message": "wait a little"}}
            return web.json_response(error, status=429)
        text = f"file number {len(self.requests)}."
        words = [
            {"text": word, "offsetMilliseconds": 200 + 300 * n, "durationMilliseconds": 250}
            for n, word in enumerate(text.split())
        ]
        phrase = {
            "offsetMilliseconds": 200,
            "durationMilliseconds": 850,
            "text": text,
            "words": words,
            "locale": "en-US",
            "confidence": self.confidence,
        }
        if "diarization" in definition:
            phrase["speaker"] = 1
        return web.json_response(
            {
                "durationMilliseconds": wav_format.data_bytes // 32,
                "combinedPhrases": [{"text": text}],
                "phrases": [phrase],
            }
        )


def _write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a self-signed certificate for localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "public.pem", folder / "private.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return public, private
