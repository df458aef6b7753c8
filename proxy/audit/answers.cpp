#include "proxy/audit/answers.h"

#include "proxy/audit/queue.h"

#include <variant>

namespace stepgate::proxy::audit
{

std::size_t Answers::KeyHash::operator()(const Key& key) const
{
    // Both are counters: multiplying by odd constants spreads them over all bits, and the high ones fold down.
    const std::uint64_t mixed = (key.session * 0x9E3779B97F4A7C15U) ^ (key.statement * 0xC2B2AE3D27D4EB4FU);
    return static_cast<std::size_t>((mixed ^ (mixed >> 32)) * 0x9E3779B97F4A7C15U);
}

void Answers::gather(const Ring& lane, std::uint64_t until)
{
    if (!waiting_.empty())
        waiting_.clear(); // costs as much as it ever held
    lane.look(until, [this](std::span<const std::byte> message) {
        if (const auto outcome = read_lane_outcome(message))
            waiting_.insert_or_assign(Key{outcome->session, outcome->statement}, Waiting{outcome->answer});
    });
}

const Answer* Answers::take(std::uint64_t session, std::uint64_t statement)
{
    const auto found = waiting_.find(Key{session, statement});
    if (found == waiting_.end() || found->second.taken)
        return nullptr;
    found->second.taken = true;
    return &found->second.answer;
}

bool Answers::taken(std::uint64_t session, std::uint64_t statement) const
{
    const auto found = waiting_.find(Key{session, statement});
    return found != waiting_.end() && found->second.taken;
}

} // namespace stepgate::proxy::audit
