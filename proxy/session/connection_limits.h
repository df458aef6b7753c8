#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace stepgate::proxy::session
{

/// Counts connections in all, per address and per user, for all threads. Whoever was let in, or told that there is no
/// room, must leave again.
class ConnectionLimits
{
  public:
    struct Most {
        std::size_t all, per_address, per_user;
        std::size_t told = 64; // at one time: each holds a descriptor until it has said something, or the login is over
    };
    enum class Entry : std::uint8_t {
        in,
        told,    // no room: to be told so
        dropped, // no room, and enough are being told so: to be closed without a word
    };
    explicit ConnectionLimits(Most most) : most_{most} {}

    [[nodiscard]] Entry enter(const std::string& address);
    void leave(Entry as, const std::string& address);
    [[nodiscard]] bool enter_user(const std::string& user);
    void leave_user(const std::string& user);
    [[nodiscard]] std::size_t all() const;

  private:
    using Counts = std::unordered_map<std::string, std::size_t>;
    [[nodiscard]] static bool add(Counts& counts, const std::string& name, std::size_t most);
    static void subtract(Counts& counts, const std::string& name);

    Most most_;
    mutable std::mutex mutex_;
    std::size_t all_ = 0, told_ = 0;
    Counts addresses_, users_;
};

} // namespace stepgate::proxy::session
