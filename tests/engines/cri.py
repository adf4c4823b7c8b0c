# SPDX-License-Identifier: Apache-2.0
"""The client that Debian does not have: the Kubernetes Container Runtime Interface, gRPC over a unix socket.

A message is written as {number: value}, with the numbers of api.proto (k8s.io/cri-api, runtime.v1): an int, a str,
bytes, a list for what is repeated, a dict for a message.  One read back is {number: [values]}, with bytes for strings
and messages: see `parse`.  HTTP/2 is libcurl's.
"""
import ctypes
import struct
import urllib.parse


def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n > 0x7f:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def message(fields):
    out = b""
    for number, values in fields.items():
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, int):
                out += varint(number << 3) + varint(value)
                continue
            data = message(value) if isinstance(value, dict) else value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def parse(data):
    fields, at = {}, 0

    def number():
        nonlocal at
        n = shift = 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return n
    while at < len(data):
        key = number()
        kind = key & 7
        if kind == 0:
            value = number()
        else:
            size = {1: 8, 5: 4}.get(kind) or number()
            value, at = data[at:at + size], at + size
        fields.setdefault(key >> 3, []).append(value)
    return fields


def mapping(values):
    return [{1: k, 2: v} for k, v in values.items()]


class Refused(Exception):
    """The other side's error."""


URL, POSTFIELDS, HTTPHEADER, WRITEDATA, HEADERDATA, UNIX_SOCKET, POSTSIZE, VERSION, TIMEOUT, WRITE, HEADER = (
    10002, 10015, 10023, 10001, 10029, 10231, 60, 84, 13, 20011, 20079)
PRIOR_KNOWLEDGE = 5
TAKE = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p)


class Client:
    def __init__(self, socket):
        self.socket = str(socket)
        self.curl = ctypes.CDLL("libcurl-gnutls.so.4")
        self.curl.curl_easy_init.restype = ctypes.c_void_p
        self.curl.curl_slist_append.restype = ctypes.c_void_p
        self.curl.curl_easy_strerror.restype = ctypes.c_char_p

    def __call__(self, method, fields=None, service="RuntimeService", seconds=120):
        """The response, parsed."""
        c, handle, headers = self.curl, ctypes.c_void_p(self.curl.curl_easy_init()), None
        body, head = [], []
        takes = [TAKE(lambda p, size, n, _, to=to: to.append(ctypes.string_at(p, size * n)) or size * n) for to in (body, head)]
        data = message(fields or {})
        data = b"\0" + struct.pack(">I", len(data)) + data
        for line in (b"content-type: application/grpc", b"te: trailers", b"Expect:"):
            headers = ctypes.c_void_p(c.curl_slist_append(headers, line))
        try:
            for option, value in [(URL, f"http://localhost/runtime.v1.{service}/{method}".encode()), (UNIX_SOCKET, self.socket.encode()),
                                  (VERSION, ctypes.c_long(PRIOR_KNOWLEDGE)), (HTTPHEADER, headers), (POSTSIZE, ctypes.c_long(len(data))),
                                  (POSTFIELDS, data), (TIMEOUT, ctypes.c_long(seconds)), (WRITE, takes[0]), (HEADER, takes[1])]:
                assert c.curl_easy_setopt(handle, option, value) == 0
            code = c.curl_easy_perform(handle)
        finally:
            c.curl_easy_cleanup(handle)
            c.curl_slist_free_all(headers)
        if code:
            raise ConnectionError(f"{method}: {c.curl_easy_strerror(code).decode()}")
        told = dict(line.decode().strip().split(":", 1) for line in head if b":" in line)
        if told.get("grpc-status", "").strip() != "0":
            raise Refused(f"{method}: {urllib.parse.unquote(told.get('grpc-message', str(told)))}")
        return parse(b"".join(body)[5:])
