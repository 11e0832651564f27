#include "policy/spicedb/client.h"

#include <authzed/check_permission.grpc.pb.h>
#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>

#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/log.h"
#include "base/promise.h"
#include "policy/spicedb/endpoint.h"

namespace sluice::policy::spicedb {
namespace {

namespace api = authzed::api::v1;
using Answer = std::expected<Permissionship, std::string>;

constexpr int kAnswerBytesMax = 64 * 1024;  // an answer is some hundred bytes

// Go's gRPC servers, SpiceDB's among them, hang up on who pings more often than every five minutes.
constexpr int kKeepalive_ms = 5 * 60 * 1000 + 10'000;
// Also the TCP_USER_TIMEOUT: a connection whose other end fell silent is given up after this.
constexpr int kKeepaliveTimeout_ms = 10'000;

// gRPC's own maximum of two minutes would refuse requests long after SpiceDB is back.
constexpr int kReconnectFirst_ms = 100;
constexpr int kReconnectMax_ms = 2'000;

// gRPC would write its own lines among ours on standard error: failed handshakes, above all.
void log_as_we_do(gpr_log_func_args* line) {
  log::warn("grpc", {{"message", line->message}});
}

grpc::ChannelArguments channel_arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kAnswerBytesMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepalive_ms);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeout_ms);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectFirst_ms);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMax_ms);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // Two Clients for one endpoint have two connections: stop() then ends all that is the Client's.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

api::CheckPermissionRequest request_of(const Check& check) {
  api::CheckPermissionRequest request;
  request.mutable_resource()->set_object_type(check.resource_type);
  request.mutable_resource()->set_object_id(check.resource_id);
  request.set_permission(check.permission);
  request.mutable_subject()->mutable_object()->set_object_type(check.subject_type);
  request.mutable_subject()->mutable_object()->set_object_id(check.subject_id);
  request.mutable_subject()->set_optional_relation(check.subject_relation);
  api::Consistency& consistency = *request.mutable_consistency();
  switch (check.consistency.kind) {
    case Consistency::Kind::kMinimizeLatency: consistency.set_minimize_latency(true); break;
    case Consistency::Kind::kFullyConsistent: consistency.set_fully_consistent(true); break;
    case Consistency::Kind::kAtLeastAsFresh:
      consistency.mutable_at_least_as_fresh()->set_token(check.consistency.zed_token);
      break;
  }
  return request;
}

// The status' own message is left out: it may quote what was asked about.
std::string words_of(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::DEADLINE_EXCEEDED: return "SpiceDB: no answer in time";
    case grpc::StatusCode::UNAVAILABLE: return "SpiceDB: cannot be reached";
    case grpc::StatusCode::CANCELLED: return "SpiceDB: the call was cancelled";
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED: return "SpiceDB: refuses the configured token";
    case grpc::StatusCode::INVALID_ARGUMENT: return "SpiceDB: finds the check malformed (INVALID_ARGUMENT)";
    case grpc::StatusCode::FAILED_PRECONDITION:
      return "SpiceDB: its schema has no such type or permission (FAILED_PRECONDITION)";
    case grpc::StatusCode::RESOURCE_EXHAUSTED: return "SpiceDB: is overloaded (RESOURCE_EXHAUSTED)";
    case grpc::StatusCode::UNIMPLEMENTED: return "SpiceDB: the endpoint does not offer CheckPermission";
    default: return "SpiceDB: failed with gRPC status " + std::to_string(code);
  }
}

Answer answer_of(const grpc::Status& status, const api::CheckPermissionResponse& response) {
  if (!status.ok()) return std::unexpected(words_of(status.error_code()));
  switch (response.permissionship()) {
    case api::CheckPermissionResponse::PERMISSIONSHIP_HAS_PERMISSION: return Permissionship::kHas;
    case api::CheckPermissionResponse::PERMISSIONSHIP_NO_PERMISSION: return Permissionship::kNone;
    case api::CheckPermissionResponse::PERMISSIONSHIP_CONDITIONAL_PERMISSION: return Permissionship::kConditional;
    default: return std::unexpected(std::string("SpiceDB: an answer that is neither yes nor no"));
  }
}

// Held by the Client until its completion is taken from the queue, and by the Task that waits for it.
struct Call {
  grpc::ClientContext context;
  api::CheckPermissionResponse response;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<api::CheckPermissionResponse>> reader;
  Promise<Answer> answer;
};

// Cancels the call that nobody waits for any more.
class CancelUnlessAnswered {
 public:
  explicit CancelUnlessAnswered(Call& call) : call_(&call) {}
  ~CancelUnlessAnswered() {
    if (call_ != nullptr) call_->context.TryCancel();
  }
  CancelUnlessAnswered(const CancelUnlessAnswered&) = delete;
  CancelUnlessAnswered& operator=(const CancelUnlessAnswered&) = delete;
  void answered() { call_ = nullptr; }

 private:
  Call* call_;
};

}  // namespace

struct Client::Impl {
  ClientOptions options;
  std::unique_ptr<api::PermissionsService::Stub> stub;

  std::mutex mutex;  // of what follows; a call is begun under it, so never on a queue that is shut down
  bool running = false;
  std::unordered_map<const void*, std::shared_ptr<Call>> calls;
  grpc::CompletionQueue queue;
  std::thread thread;

  std::expected<std::shared_ptr<Call>, std::string> begin(const Check& check);
  void take_answers();
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Client::~Client() {
  stop();
}

std::expected<std::unique_ptr<Client>, std::string> Client::make(ClientOptions options) {
  auto endpoint = Endpoint::parse(options.endpoint);
  if (!endpoint) return std::unexpected("endpoint: " + endpoint.error());
  if (!options.tls && !endpoint->loopback && !options.insecure) {
    return std::unexpected(
        std::string("tls: without TLS the token would cross the network in the clear; set insecure = true where it may"));
  }
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (options.tls) {
    auto roots = system_root_certificates();
    if (!roots) return std::unexpected("tls: " + roots.error());
    credentials = grpc::SslCredentials({.pem_root_certs = std::move(*roots), .pem_private_key = {}, .pem_cert_chain = {}});
  }
  gpr_set_log_function(log_as_we_do);
  auto impl = std::make_unique<Impl>();
  impl->stub =
      api::PermissionsService::NewStub(grpc::CreateCustomChannel(endpoint->target, credentials, channel_arguments()));
  impl->options = std::move(options);
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

void Client::start() {
  std::lock_guard lock(impl_->mutex);
  impl_->running = true;
  impl_->thread = std::thread([impl = impl_.get()] { impl->take_answers(); });
}

void Client::stop() {
  {
    std::lock_guard lock(impl_->mutex);
    if (!impl_->running) return;
    impl_->running = false;
    for (const auto& [tag, call] : impl_->calls) call->context.TryCancel();
    impl_->queue.Shutdown();
  }
  impl_->thread.join();
}

// The queue ends when it is shut down and every call has been answered, cancelled ones too.
void Client::Impl::take_answers() {
  void* tag = nullptr;
  for (bool ok = false; queue.Next(&tag, &ok);) {
    std::shared_ptr<Call> call;
    {
      std::lock_guard lock(mutex);
      call = std::move(calls.extract(tag).mapped());
    }
    call->answer.set(answer_of(call->status, call->response));
  }
}

std::expected<std::shared_ptr<Call>, std::string> Client::Impl::begin(const Check& check) {
  auto call = std::make_shared<Call>();
  call->context.set_deadline(std::chrono::system_clock::now() + options.timeout);
  if (!options.token.empty()) call->context.AddMetadata("authorization", "Bearer " + options.token);
  const auto request = request_of(check);
  std::lock_guard lock(mutex);
  if (!running) return std::unexpected(std::string("SpiceDB: is not asked any more"));
  if (calls.size() >= options.calls_max) return std::unexpected(std::string("SpiceDB: too many checks at a time"));
  calls.emplace(call.get(), call);
  call->reader = stub->AsyncCheckPermission(&call->context, request, &queue);
  call->reader->Finish(&call->response, &call->status, call.get());
  return call;
}

Task<std::expected<Permissionship, std::string>> Client::check(Check check) {
  const auto deadline = std::chrono::steady_clock::now() + impl_->options.timeout;
  const auto call = impl_->begin(check);
  if (!call) co_return std::unexpected(call.error());
  CancelUnlessAnswered guard(**call);
  auto answer = co_await (*call)->answer.get(deadline);
  if (!answer) co_return std::unexpected(words_of(grpc::StatusCode::DEADLINE_EXCEEDED));
  guard.answered();
  co_return std::move(*answer);
}

}  // namespace sluice::policy::spicedb
