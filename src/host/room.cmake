# SPDX-License-Identifier: Apache-2.0
find_package(OpenSSL REQUIRED)
target_link_libraries(sealane_host ${scope} OpenSSL::SSL OpenSSL::Crypto)
