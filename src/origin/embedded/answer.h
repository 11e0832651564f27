// Answers in the protocol's words: status, electric-* fields, etag, cache-control, body (PROTOCOL sections 2 to 5).
//
// Everything here fills an http::Response at once and does no I/O. CORS fields, electric-server and request ids are not an
// origin's to write.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"
#include "origin/authorized_request.h"
#include "origin/embedded/failure.h"
#include "origin/embedded/last_seen.h"
#include "origin/embedded/shape.h"
#include "store/shape_log.h"

namespace sluice::origin::embedded {

// cache-control of the answers that are kept by configuration, spelled once.
struct CacheFields {
  CacheFields(std::uint32_t max_age_s, std::uint32_t stale_age_s, std::uint32_t sse_timeout_s);
  std::string catch_up;
  std::string sse;
};

// What an answer with data is about.
struct Told {
  const AuthorizedRequest& request;
  const Shape& shape;
  const CacheFields& cache;
  std::uint64_t long_poll_s;  // the cursor's interval
};

// `"<handle>:<asked>:<end>"`, with `:<nonce>` where the answer must not validate later.
std::string make_etag(const Shape& shape, shape::Offset asked, shape::Offset end, std::optional<std::uint64_t> nonce);
// Whether If-None-Match names the etag. Weak ones never match.
bool names_etag(std::string_view if_none_match, std::string_view etag);

// A page's entries as one array, with the up-to-date message as its last element where the page reaches the head.
void put_array(store::Page page, const UpToDate& up_to_date, http::Response& response);
// A page of the log, with the up-to-date message where it reaches the head. 304 where the client has it already.
void answer_page(const Told& told, store::Page page, const UpToDate& up_to_date, http::Response& response);
// Nothing but the up-to-date message: a live request that nothing came for, or offset=now. `end` is the head.
void answer_empty(const Told& told, shape::Offset end, const UpToDate& up_to_date, http::Response& response);
// The fields of an event stream that begins at the asked offset; the body is the caller's.
void begin_events(const Told& told, bool at_head, http::Response& response);
// The fields of a subset's answer; the body is the caller's.
void begin_subset(const Told& told, shape::Offset end, http::Response& response);

// 409: the shape is to be fetched anew, under `handle` where that is known.
void answer_must_refetch(const AuthorizedRequest& request, const std::string* handle, http::Response& response);
// 400 or 503.
void answer_failure(const AuthorizedRequest& request, const Failure& failure, http::Response& response);
// DELETE: 202, 404, 405.
void answer_deleted(http::Response& response);
void answer_not_found(http::Response& response);
void answer_delete_refused(http::Response& response);

}  // namespace sluice::origin::embedded
