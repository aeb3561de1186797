# SPDX-License-Identifier: Apache-2.0
# llhttp (MIT), the HTTP/1.1 parser of Node.js, as the C sources that Debian ships. The strict build of
# it: it has two state machines, and the loose one lets bare line feeds and the like through.
add_library(llhttp STATIC /usr/share/llhttp/api.c /usr/share/llhttp/http.c /usr/share/llhttp/llhttp.c)
target_include_directories(llhttp SYSTEM PUBLIC /usr/share/include/llhttp)
target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1)
target_compile_options(llhttp PRIVATE -O2)
target_link_libraries(sealane_wire ${scope} llhttp)
# SHA-256 and HMAC for signatures.
find_package(OpenSSL REQUIRED)
target_link_libraries(sealane_wire ${scope} OpenSSL::Crypto)
