// SPDX-License-Identifier: Apache-2.0
#include "server/grpc_credentials.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>

#include "base/file.h"
#include "nestvec/error.h"

namespace nestvec {
namespace {

constexpr unsigned kWatchSeconds = 10;

std::string openssl_reason() {
  std::array<char, 256> text{};
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "it is not in PEM form";
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

// gRPC would only log a bad file and then fail each handshake.
void check_files(const std::string& certificate, const std::string& key) {
  constexpr std::size_t kLimit = std::size_t{1} << 20;
  read_file(certificate, kLimit);
  read_file(key, kLimit);
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_server_method()),
                                                             SSL_CTX_free);
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1) {
    throw Error(ErrorCode::kInvalidArgument, certificate + ": no certificate: " + openssl_reason());
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1) {
    throw Error(ErrorCode::kInvalidArgument,
                key + ": no private key of " + certificate + ": " + openssl_reason());
  }
}

}  // namespace

std::shared_ptr<grpc::ServerCredentials> make_credentials(const std::string& certificate,
                                                          const std::string& key) {
  if (certificate.empty() && key.empty()) return grpc::InsecureServerCredentials();
  check_files(certificate, key);
  grpc::experimental::TlsServerCredentialsOptions options(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(key, certificate,
                                                                           kWatchSeconds));
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace nestvec
