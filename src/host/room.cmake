# SPDX-License-Identifier: Apache-2.0
find_package(OpenSSL REQUIRED)
find_package(RocksDB REQUIRED)
find_library(NATS nats REQUIRED)  # Debian's package file for cnats asks for a static library it leaves out
target_link_libraries(sealane_host ${scope} OpenSSL::SSL OpenSSL::Crypto RocksDB::rocksdb-shared ${NATS})
