// SPDX-License-Identifier: Apache-2.0
#include "grpc/grpc_credentials.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "http/tls_context.h"

namespace nestvec {
namespace {

constexpr unsigned kWatchSeconds = 10;

}  // namespace

std::shared_ptr<grpc::ServerCredentials> make_credentials(const std::string& certificate,
                                                          const std::string& key) {
  if (certificate.empty() && key.empty()) return grpc::InsecureServerCredentials();
  // gRPC would only log a bad file and then fail each handshake.
  const TlsContext check(certificate, key, true);
  grpc::experimental::TlsServerCredentialsOptions options(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(key, certificate,
                                                                           kWatchSeconds));
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  return grpc::experimental::TlsServerCredentials(options);
}

}  // namespace nestvec
