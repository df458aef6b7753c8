#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace stepgate::proxy::session
{

/// Counts connections in all, per address and per user, for all threads. Whoever was let in must leave again.
class ConnectionLimits
{
  public:
    struct Most {
        std::size_t all, per_address, per_user;
    };
    explicit ConnectionLimits(Most most) : most_{most} {}

    [[nodiscard]] bool enter(const std::string& address);
    void leave(const std::string& address);
    [[nodiscard]] bool enter_user(const std::string& user);
    void leave_user(const std::string& user);
    [[nodiscard]] std::size_t all() const;

  private:
    using Counts = std::unordered_map<std::string, std::size_t>;
    [[nodiscard]] static bool add(Counts& counts, const std::string& name, std::size_t most);
    static void subtract(Counts& counts, const std::string& name);

    Most most_;
    mutable std::mutex mutex_;
    std::size_t all_ = 0;
    Counts addresses_, users_;
};

} // namespace stepgate::proxy::session
