// Name look-up that can be cancelled and bounded in time, though getaddrinfo() cannot: a look-up nobody waits for any more
// ends unseen on Asio's resolver thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "base/task.h"
#include "http/client.h"

namespace sluice::http {

// Never empty. Addresses written out are taken as they are, at once.
Task<std::expected<std::vector<boost::asio::ip::tcp::endpoint>, ClientError>> resolve(std::string host, std::uint16_t port,
                                                                                      std::chrono::milliseconds timeout);

}  // namespace sluice::http
