// SPDX-License-Identifier: Apache-2.0
#include "host/authority.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/file.h>

#include <memory>

#include "host/files.h"
#include "host/socket.h"
#include "host/tls.h"

namespace sealane::host {
namespace {

struct Free {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Cert = std::unique_ptr<X509, Free>;
using Bio = std::unique_ptr<BIO, Free>;

constexpr int kCaDays = 3650;
constexpr int kLeafDays = 397;  // the most that browsers accept (CA/Browser Forum baseline, 6.3.2)
constexpr int kRenewDays = 30;
constexpr long kDaySeconds = 86'400;

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, size_t(size)};
}

std::string to_pem(X509* cert) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), cert);
  return text_of(bio.get());
}

std::string to_pem(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio.get());
}

Cert cert_of(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), int(pem.size())));
  return Cert(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

Key key_of(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), int(pem.size())));
  return Key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
}

void extend(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  SL_ASSERT(extension != nullptr);  // we wrote the value
  X509_add_ext(cert, extension.get(), -1);
}

Cert make_cert(const std::string& common_name, int days, EVP_PKEY* key) {
  Cert cert(X509_new());
  X509_set_version(cert.get(), X509_VERSION_3);
  unsigned char serial[16];
  SL_ASSERT(RAND_bytes(serial, sizeof serial) == 1);
  serial[0] &= 0x7f;  // positive
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(
      BN_bin2bn(serial, sizeof serial, nullptr), BN_free);
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(cert.get()));
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);  // clocks differ
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), days * kDaySeconds);
  X509_set_pubkey(cert.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  return cert;
}

std::string alternative_names(const std::vector<std::string>& names,
                              const std::vector<IpAddress>& addresses) {
  std::string out;
  auto add = [&](std::string_view kind, const std::string& value) {
    if (!out.empty()) out += ',';
    out += kind;
    out += value;
  };
  for (const auto& name : names) add("DNS:", name);
  for (const auto& ip : addresses) add("IP:", ip.to_string());
  return out;
}

// The certificate says which names it was issued for in its comment, so that a change of names is
// noticed without comparing ASN.1.
std::string comment_of(X509* cert) {
  const int at = X509_get_ext_by_NID(cert, NID_netscape_comment, -1);
  if (at < 0) return {};
  const Bio bio(BIO_new(BIO_s_mem()));
  X509V3_EXT_print(bio.get(), X509_get_ext(cert, at), 0, 0);
  return text_of(bio.get());
}

bool still_good(const std::string& pem, EVP_PKEY* ca_key, const std::string& names) {
  const Cert cert = cert_of(pem);
  if (cert == nullptr || X509_verify(cert.get(), ca_key) != 1) return false;
  time_t soon = time(nullptr) + kRenewDays * kDaySeconds;
  return X509_cmp_time(X509_get0_notAfter(cert.get()), &soon) > 0 &&
         comment_of(cert.get()) == names;
}

}  // namespace

Result<Authority> Authority::open(const std::filesystem::path& dir, const std::string& world_name) {
  std::error_code ignored;
  std::filesystem::create_directories(dir, ignored);
  const Fd lock(::open((dir / "ca.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock || ::flock(lock.get(), LOCK_EX) != 0) {
    return fail(Code::unavailable, "cannot write to the data directory " + dir.string() +
                                       "; choose another with --data");
  }
  Authority authority(dir);
  if (std::filesystem::exists(authority.ca_file())) return authority;

  const Key key(EVP_EC_gen("P-256"));
  SL_ASSERT(key != nullptr);
  const Cert cert = make_cert("Sealane CA of " + world_name, kCaDays, key.get());
  X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get()));
  extend(cert.get(), cert.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  extend(cert.get(), cert.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(cert.get(), cert.get(), NID_subject_key_identifier, "hash");
  X509_sign(cert.get(), key.get(), EVP_sha256());
  SL_CHECK(write_file(dir / "ca.key", to_pem(key.get()), 0600));
  SL_CHECK(write_file(authority.ca_file(), to_pem(cert.get())));
  return authority;
}

Result<Authority::Leaf> Authority::issue(const std::string& file_stem,
                                         const std::vector<std::string>& names,
                                         const std::vector<IpAddress>& addresses) const {
  SL_TRY(const std::string ca_pem, read_file(ca_file()));
  SL_TRY(const std::string ca_key_pem, read_file(dir_ / "ca.key"));
  const Cert ca = cert_of(ca_pem);
  const Key ca_key = key_of(ca_key_pem);
  if (ca == nullptr || ca_key == nullptr || X509_check_private_key(ca.get(), ca_key.get()) != 1) {
    return fail(Code::corrupt,
                fmt::format("{} and ca.key do not belong together; remove both to make new ones",
                            ca_file().string()));
  }
  const Leaf leaf{dir_ / (file_stem + ".pem"), dir_ / (file_stem + ".key")};
  const std::string san = alternative_names(names, addresses);
  if (const auto old = read_file(leaf.cert_file); old && read_file(leaf.key_file)) {
    if (still_good(*old, ca_key.get(), san)) return leaf;
  }

  const Key key(EVP_EC_gen("P-256"));
  SL_ASSERT(key != nullptr);
  const Cert cert =
      make_cert(names.empty() ? file_stem : names[0].substr(0, 64), kLeafDays, key.get());
  X509_set_issuer_name(cert.get(), X509_get_subject_name(ca.get()));
  extend(cert.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE");
  extend(cert.get(), ca.get(), NID_key_usage, "critical,digitalSignature");
  extend(cert.get(), ca.get(), NID_ext_key_usage, "serverAuth,clientAuth");
  extend(cert.get(), ca.get(), NID_subject_alt_name, san);
  extend(cert.get(), ca.get(), NID_authority_key_identifier, "keyid");
  extend(cert.get(), ca.get(), NID_netscape_comment, san);
  X509_sign(cert.get(), ca_key.get(), EVP_sha256());
  SL_CHECK(write_file(leaf.key_file, to_pem(key.get()), 0600));
  SL_CHECK(write_file(leaf.cert_file, to_pem(cert.get())));
  return leaf;
}

}  // namespace sealane::host
