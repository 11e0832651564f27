#include "origin/embedded/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/bytes.h"
#include "base/json_write.h"
#include "origin/embedded/cursor.h"

namespace sluice::origin::embedded {
namespace {

using shape::Live;
using shape::Offset;

constexpr std::string_view kJson = "application/json; charset=utf-8";
constexpr std::string_view kInitial = "public, max-age=604800, s-maxage=3600, stale-while-revalidate=2629746";
constexpr std::string_view kLive = "public, max-age=5, stale-while-revalidate=5";
constexpr std::string_view kMustRefetch = R"([{"headers":{"control":"must-refetch"}}])";
constexpr std::size_t kEtagBytes = 2 * 42 + 21 + 4;  // beside the handle: two offsets, a nonce, what is around them
constexpr std::string_view kSeparator = ",\n";       // behind each entry of a page (store/shape_log.h)

bool is_post(const AuthorizedRequest& request) {
  return request.verb() == Verb::kPost || request.verb() == Verb::kDelete;
}

std::string_view cache_control(const Told& told) {
  const shape::Position& position = told.request.shape().position;
  if (is_post(told.request)) return "no-cache";
  if (position.offset.is_before_all()) return kInitial;
  if (position.live == Live::kSse) return told.cache.sse;
  if (position.live == Live::kLongPoll) return kLive;
  return told.cache.catch_up;
}

void add_cursor_or_schema(const Told& told, http::Response& response) {
  const shape::Position& position = told.request.shape().position;
  if (position.live == Live::kNo) {
    response.fields.add("electric-schema", told.shape.spec().encoder.schema_json());
    return;
  }
  std::uint64_t cursor = next_cursor(std::chrono::system_clock::now(), told.long_poll_s, position.cursor, random_u64());
  response.fields.add("electric-cursor", fmt::to_string(cursor));
}

void begin(const Told& told, int status, Offset end, std::string_view content_type, http::Response& response) {
  response.status = status;
  response.fields.add("content-type", content_type);
  response.fields.add("cache-control", cache_control(told));
  response.fields.add("electric-handle", told.shape.handle());
  response.fields.add("electric-offset", end.print());
}

void add_nonce_etag(const Told& told, Offset end, http::Response& response) {
  auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  response.fields.add("etag",
                      make_etag(told.shape, told.request.shape().position.offset, end, static_cast<std::uint64_t>(now)));
}

// Cuts the last entry's separator off; it may lie across two buffers.
void cut_separator(store::Page& page) {
  std::vector<Buffer>& buffers = page.buffers;
  std::size_t left = kSeparator.size();
  while (left > 0 && !buffers.empty()) {
    std::size_t size = buffers.back().size();
    if (size <= left) {
      buffers.pop_back();
      left -= size;
    } else {
      buffers.back() = buffers.back().prefix(size - left);
      left = 0;
    }
  }
  if (page.file) page.file->remove_suffix(left);
}

void set_body(http::Response& response, std::string body) {
  response.buffers.push_back(Buffer::of(std::move(body)));
}

}  // namespace

CacheFields::CacheFields(std::uint32_t max_age_s, std::uint32_t stale_age_s, std::uint32_t sse_timeout_s)
    : catch_up(fmt::format("public, max-age={}, stale-while-revalidate={}", max_age_s, stale_age_s)),
      sse(fmt::format("public, max-age={}", sse_timeout_s > 2 ? sse_timeout_s - 1 : 1)) {}

std::string make_etag(const Shape& shape, Offset asked, Offset end, std::optional<std::uint64_t> nonce) {
  std::string etag;
  etag.reserve(shape.handle().size() + kEtagBytes);
  auto out = fmt::format_to(std::back_inserter(etag), "\"{}:{}:{}", shape.handle(), asked.print(), end.print());
  if (nonce) fmt::format_to(out, ":{}", *nonce);
  return etag += '"';
}

// As the protocol compares: without quotes, so `W/"…"` is another text.
bool names_etag(std::string_view if_none_match, std::string_view etag) {
  auto trim = [](std::string_view text, std::string_view what) {
    std::size_t first = std::min(text.find_first_not_of(what), text.size());
    text.remove_prefix(first);
    return text.substr(0, text.find_last_not_of(what) + 1);
  };
  etag = trim(etag, "\"");
  while (!if_none_match.empty()) {
    std::size_t comma = std::min(if_none_match.find(','), if_none_match.size());
    if (trim(trim(if_none_match.substr(0, comma), " \t"), "\"") == etag) return true;
    if_none_match.remove_prefix(std::min(comma + 1, if_none_match.size()));
  }
  return false;
}

void put_array(store::Page page, const UpToDate& up_to_date, http::Response& response) {
  response.buffers.reserve(page.buffers.size() + 2);
  response.buffers.push_back(Buffer::of_static("["));
  if (!page.at_head) cut_separator(page);
  std::vector<Buffer>* out = &response.buffers;
  if (page.file) {
    response.file = std::make_unique<http::FilePart>(std::move(*page.file), std::vector<Buffer>());
    out = &response.file->behind;
  }
  for (Buffer& buffer : page.buffers) out->push_back(std::move(buffer));
  out->push_back(page.at_head ? up_to_date.last_in_array : Buffer::of_static("]"));
}

void answer_page(const Told& told, store::Page page, const UpToDate& up_to_date, http::Response& response) {
  const auto& asked = told.request.shape().position.offset;
  std::string etag = make_etag(told.shape, asked, page.end, std::nullopt);
  const auto& known = told.request.if_none_match();
  bool unchanged = known && !is_post(told.request) && names_etag(*known, etag);
  begin(told, unchanged ? 304 : 200, page.end, kJson, response);
  if (!unchanged) add_cursor_or_schema(told, response);
  if (page.at_head) response.fields.add("electric-up-to-date", "");
  response.fields.add("electric-has-data", "true");
  response.fields.add("etag", etag);
  if (!unchanged) put_array(std::move(page), up_to_date, response);
}

void answer_empty(const Told& told, Offset end, const UpToDate& up_to_date, http::Response& response) {
  begin(told, 200, end, kJson, response);
  add_cursor_or_schema(told, response);
  response.fields.add("electric-up-to-date", "");
  response.fields.add("electric-has-data", "false");
  add_nonce_etag(told, end, response);
  response.buffers.push_back(Buffer::of_static("["));
  response.buffers.push_back(up_to_date.last_in_array);
}

void begin_events(const Told& told, bool at_head, http::Response& response) {
  const auto& asked = told.request.shape().position.offset;
  begin(told, 200, asked, "text/event-stream", response);
  add_cursor_or_schema(told, response);
  if (at_head) response.fields.add("electric-up-to-date", "");
  response.fields.add("electric-has-data", "true");
  response.fields.add("etag", make_etag(told.shape, asked, asked, std::nullopt));
}

void begin_subset(const Told& told, Offset end, http::Response& response) {
  response.status = 200;
  response.fields.add("content-type", kJson);
  response.fields.add("cache-control", "no-cache");
  response.fields.add("electric-handle", told.shape.handle());
  response.fields.add("electric-offset", end.print());
  response.fields.add("electric-schema", told.shape.spec().encoder.schema_json());
  response.fields.add("electric-snapshot", "true");
}

void answer_must_refetch(const AuthorizedRequest& request, const std::string* handle, http::Response& response) {
  response.status = 409;
  response.fields.add("content-type", kJson);
  bool no_cache = request.shape().subset || is_post(request);
  if (handle != nullptr) {
    response.fields.add("cache-control", no_cache ? "no-cache" : "public, max-age=60, must-revalidate");
    response.fields.add("electric-handle", *handle);
    response.fields.add("etag", '"' + *handle + "::\"");
  } else {
    response.fields.add("cache-control", no_cache ? "no-cache" : "public, max-age=1, must-revalidate");
  }
  response.buffers.push_back(Buffer::of_static(kMustRefetch));
}

void answer_failure(const AuthorizedRequest& request, const Failure& failure, http::Response& response) {
  response.fields.add("content-type", kJson);
  if (request.shape().subset || is_post(request)) {
    response.fields.add("cache-control", "no-cache");
  } else {
    response.fields.add("cache-control", "no-store");
    response.fields.add("surrogate-control", "no-store");
  }
  std::string field = json_string(failure.field);
  std::string message = json_string(failure.message);
  switch (failure.kind) {
    case Failure::Kind::kBadRequest:
      response.status = 400;
      set_body(response, fmt::format(R"({{"message":"Invalid request","errors":{{{}:[{}]}}}})", field, message));
      return;
    case Failure::Kind::kBadSubset:
      response.status = 400;
      set_body(response,
               fmt::format(R"({{"message":"Invalid request","errors":{{"subset":{{{}:[{}]}}}}}})", field, message));
      return;
    case Failure::Kind::kUnavailable:
      response.status = 503;
      response.fields.add("retry-after", fmt::to_string(failure.retry_after_s));
      set_body(response, fmt::format(R"({{"code":{},"error":{}}})", field, message));
      return;
  }
}

void answer_deleted(http::Response& response) {
  response.status = 202;
  response.fields.add("cache-control", "no-cache");
}

void answer_not_found(http::Response& response) {
  response.status = 404;
  response.fields.add("content-type", kJson);
  response.fields.add("cache-control", "no-cache");
  set_body(response, R"({"message":"No existing shape found"})");
}

void answer_delete_refused(http::Response& response) {
  response.status = 405;
  response.fields.add("content-type", kJson);
  response.fields.add("cache-control", "no-cache");
  set_body(response, R"({"message":"DELETE not allowed"})");
}

}  // namespace sluice::origin::embedded
