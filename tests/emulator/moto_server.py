"""Starts moto's server with a fix for one of its bugs: the root element of its ListParts answer is `ListPartsResponse`.

The S3 API Reference ("ListParts", response syntax) has `ListPartsResult`. The AWS SDK for Rust accepts no other name, so a multipart
export failed with "unknown: no message" after status 200. Clients that ignore the root's name, such as boto3, are not affected.
"""

import sys
import urllib.parse

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple


class ListParts:
    """Renames the root element of answers to `GET …?uploadId=`."""

    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        query = urllib.parse.parse_qs(environ.get("QUERY_STRING", ""))
        if environ["REQUEST_METHOD"] != "GET" or "uploadId" not in query:
            return self.application(environ, start_response)
        started = []
        body = b"".join(self.application(environ, lambda *head: started.append(head)))
        body = body.replace(b"ListPartsResponse", b"ListPartsResult")
        status, headers = started[0][:2]
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]


if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), ListParts(DomainDispatcherApplication(create_backend_app)), threaded=True)
