#pragma once

#include "proxy/session/rejected.h"
#include "proxy/session/worker.h"

#include <optional>
#include <string>

namespace stepgate::proxy::session
{

/// Before a password is looked at: the answer for somebody who has to wait after wrong ones. Says nothing about whether
/// the user exists, and costs no hashing.
[[nodiscard]] std::optional<Rejected> refuse_guessing(const Worker& worker, const std::string& user,
                                                      const std::string& address, std::string sqlstate);
/// After it.
void note_guess(const Worker& worker, const std::string& user, const std::string& address,
                const std::optional<Rejected>& rejected);

} // namespace stepgate::proxy::session
