"""Milvus Lite's own gRPC server on a free port, which is printed; it ends with its standard input.

serve.py DATA_DIR [--port PORT] [--token TOKEN] [--certificate PEM --key PEM]
"""
import argparse
import base64
import sys
from concurrent import futures

import grpc
from milvus_lite.adapter.grpc.servicer import MilvusServicer
from milvus_lite.db import MilvusLite
from pymilvus.grpc_gen import milvus_pb2_grpc

parser = argparse.ArgumentParser()
parser.add_argument("data_dir")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--token")
parser.add_argument("--certificate")
parser.add_argument("--key")
options = parser.parse_args()


class Guard(grpc.ServerInterceptor):
    """Lets a request pass that brings the token, as Milvus's proxy does."""

    def intercept_service(self, proceed, details):
        sent = dict(details.invocation_metadata).get("authorization", "")
        if base64.b64decode(sent).decode() == options.token:
            return proceed(details)
        code = grpc.StatusCode.UNAUTHENTICATED
        return grpc.unary_unary_rpc_method_handler(lambda _, context: context.abort(code, "auth check failure"))


db = MilvusLite(options.data_dir)
limit = 64 << 20
server = grpc.server(
    futures.ThreadPoolExecutor(4),
    interceptors=[Guard()] if options.token else [],
    options=[("grpc.max_receive_message_length", limit), ("grpc.so_reuseport", 0)],
)
milvus_pb2_grpc.add_MilvusServiceServicer_to_server(MilvusServicer(db), server)
address = f"127.0.0.1:{options.port}"
if options.certificate:
    files = [open(path, "rb").read() for path in (options.key, options.certificate)]
    port = server.add_secure_port(address, grpc.ssl_server_credentials([tuple(files)]))
else:
    port = server.add_insecure_port(address)
server.start()
print(port, flush=True)
sys.stdin.read()
server.stop(grace=0)
db.close()
