#pragma once

#include "proxy/audit/event.h"
#include "proxy/audit/ring.h"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>

namespace stepgate::proxy::audit
{

/// Answers that wait in a lane together with their statements. Most statements are answered before the writer comes to
/// them; one record for both halves what is hashed, written, compressed and indexed. The writer's thread only.
class Answers
{
  public:
    /// Forgets what it had and remembers every answer that `lane` holds before position `until`.
    void gather(const Ring& lane, std::uint64_t until);

    /// The answer of this statement; nullptr if there is none or it was taken. Valid until the next `gather`.
    [[nodiscard]] const Answer* take(std::uint64_t session, std::uint64_t statement);
    /// Was it taken? Then the statement's record has it.
    [[nodiscard]] bool taken(std::uint64_t session, std::uint64_t statement) const;

  private:
    struct Key {
        std::uint64_t session, statement;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        using is_avalanching = void;
        std::size_t operator()(const Key& key) const;
    };
    struct Waiting {
        Answer answer;
        bool taken = false;
    };

    boost::unordered_flat_map<Key, Waiting, KeyHash> waiting_;
};

} // namespace stepgate::proxy::audit
