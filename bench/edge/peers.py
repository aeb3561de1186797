# SPDX-License-Identifier: Apache-2.0
"""How each server of the bench is configured and started: one thread, no logs, the same two jobs.

/hit/*  comes from the server's own cache (h2o has none: from files, marked as such)
/pass/* and /sse are proxied with keep-alive connections to the origin
"""
import os
import shutil

HOST = "bench.example.test"


class Peer:
    """`command(dir, address, origin)` writes what the server reads into dir and returns its argv."""

    def __init__(self, name, program, command, note=""):
        self.name, self.program, self.command, self.note = name, program, command, note

    def is_installed(self):
        return self.program is not None and (os.path.exists(self.program) or shutil.which(self.program))


def write(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w") as file:
        file.write(text)
    return path


def haproxy(directory, address, origin):
    # http-no-delay: without it haproxy holds event streams back by 100 ms and more.
    path = write(directory, "haproxy.cfg", f"""
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  option http-no-delay
  http-reuse always
  timeout connect 5s
  timeout client 1h
  timeout server 1h
cache objects
  total-max-size 64
  max-object-size 100000
  max-age 3600
frontend all
  bind {address}
  acl is_hit path_beg /hit/
  use_backend hit if is_hit
  default_backend pass
backend hit
  http-request cache-use objects
  http-response cache-store objects
  server origin {origin}
backend pass
  server origin {origin}
""")
    return ["/usr/sbin/haproxy", "-db", "-f", path]


def nginx(directory, address, origin):
    path = write(directory, "nginx.conf", f"""
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 4000; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  sendfile on;
  tcp_nodelay on;
  open_file_cache max=1000;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  proxy_cache_path {directory}/cache keys_zone=objects:16m max_size=64m;
  upstream origin {{ server {origin}; keepalive 256; keepalive_requests 1000000000; }}
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  server {{
    listen {address} backlog=4096;
    location /hit/ {{ proxy_pass http://origin; proxy_cache objects; }}
    location / {{ proxy_pass http://origin; }}
    location /sse {{ proxy_pass http://origin; proxy_buffering off; }}
  }}
}}
""")
    return ["/usr/sbin/nginx", "-c", path, "-p", directory]


def h2o(directory, address, origin):
    host, port = address.rsplit(":", 1)
    os.makedirs(f"{directory}/files/hit", exist_ok=True)
    for name, size in (("1k", 1024), ("64k", 65536)):
        write(f"{directory}/files/hit", name, "x" * size)
    user = "user: root\n" if os.geteuid() == 0 else ""
    path = write(directory, "h2o.conf", f"""
{user}num-threads: 1
max-connections: 4000
listen:
  host: {host}
  port: {port}
proxy.preserve-host: ON
proxy.timeout.io: 3600000
proxy.timeout.keepalive: 60000
http1-request-timeout: 3600
hosts:
  default:
    paths:
      "/hit":
        file.dir: {directory}/files/hit
        header.set: "Cache-Control: max-age=3600"
      "/":
        proxy.reverse.url: "http://{origin}/"
""")
    return ["/usr/bin/h2o", "-m", "worker", "-c", path]


def varnish(directory, address, origin):
    host, port = origin.rsplit(":", 1)
    path = write(directory, "default.vcl", f"""
vcl 4.1;
backend default {{ .host = "{host}"; .port = "{port}"; .between_bytes_timeout = 3600s; }}
sub vcl_recv {{ if (req.url ~ "^/hit/") {{ return (hash); }} return (pass); }}
""")
    return ["/usr/sbin/varnishd", "-F", "-n", f"{directory}/work", "-a", address, "-f", path,
            "-s", "malloc,64m", "-p", "thread_pools=1", "-T", "none"]


def sealane(program):
    def command(directory, address, origin):
        host, port = address.rsplit(":", 1)
        path = write(directory, "world.yaml", f"""
domain: {HOST}
lanes: 1
regions:
  us-east-1:
    nodes: [{host}]
    agents:
      - url: http://{origin}
health: {{ path: /health, interval: 1s, timeout: 1s }}
edge:
  viewer_protocol: allow-all
  cache:
    - {{ path: "/hit/*", ttl: {{ min: 0s, default: 300s, max: 1h }} }}
""")
        assert port == "8080"  # a node's own port for plain HTTP
        return [program, "serve", "--world", path, "--region", "us-east-1", "--node", host]
    return command


def all_peers(sealane_program):
    return [
        Peer("haproxy", "/usr/sbin/haproxy", haproxy),
        Peer("nginx", "/usr/sbin/nginx", nginx),
        Peer("h2o", "/usr/bin/h2o", h2o, "hits are static files"),
        Peer("varnish", "/usr/sbin/varnishd", varnish, "many threads on one core"),
        Peer("sealane", sealane_program, sealane(sealane_program)),
    ]
