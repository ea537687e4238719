// SPDX-License-Identifier: Apache-2.0
// For tests: certificates that nobody has signed but themselves.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdio>
#include <memory>
#include <string>

namespace nestvec {

using KeyPair = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;

// Writes one for `name`, and its key.
inline void write_certificate_of(const KeyPair& pair, const std::string& name,
                                 const std::string& certificate, const std::string& key) {
  using FilePtr = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  const auto open_file = [](const std::string& path) {
    return FilePtr(std::fopen(path.c_str(), "w"), &std::fclose);
  };
  const std::unique_ptr<X509, void (*)(X509*)> x509(X509_new(), &X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(x509.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(x509.get()), 3600);
  X509_set_pubkey(x509.get(), pair.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x509.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(x509.get(), X509_get_subject_name(x509.get()));
  X509_sign(x509.get(), pair.get(), EVP_sha256());
  PEM_write_X509(open_file(certificate).get(), x509.get());
  PEM_write_PrivateKey(open_file(key).get(), pair.get(), nullptr, nullptr, 0, nullptr, nullptr);
}

inline void write_certificate(const std::string& name, const std::string& certificate,
                              const std::string& key) {
  write_certificate_of(KeyPair(EVP_EC_gen("P-256"), &EVP_PKEY_free), name, certificate, key);
}

inline void write_rsa_certificate(const std::string& name, const std::string& certificate,
                                  const std::string& key) {
  constexpr unsigned kBits = 2048;
  write_certificate_of(KeyPair(EVP_RSA_gen(kBits), &EVP_PKEY_free), name, certificate, key);
}

}  // namespace nestvec
