# SPDX-License-Identifier: Apache-2.0
find_package(OpenSSL REQUIRED)
find_package(RocksDB REQUIRED)
target_link_libraries(sealane_host ${scope} OpenSSL::SSL OpenSSL::Crypto RocksDB::rocksdb-shared)
