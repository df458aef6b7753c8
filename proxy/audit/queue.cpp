#include "proxy/audit/queue.h"

#include <array>
#include <cstring>

namespace stepgate::proxy::audit
{

namespace
{

/// The fixed part of a message, its tag first; of a statement the six texts follow, in this order.
struct StatementHead {
    std::uint8_t tag, redacted;
    std::int64_t at_ns;
    std::uint64_t session, statement, shape;
    std::array<std::uint32_t, 6> sizes; // text, action, rules, labels, kinds, tables
};
struct OutcomeMessage {
    std::uint8_t tag;
    OutcomeEvent event;
};
enum : std::uint8_t { statement_tag = 1, outcome_tag = 2 };

using Texts = std::array<std::string_view, 6>;

Texts texts_of(const StatementEvent& event)
{
    return {event.text, event.action, event.rules, event.labels, event.kinds, event.tables};
}

void set_texts(StatementEvent& event, const Texts& texts)
{
    event.text = texts[0];
    event.action = texts[1];
    event.rules = texts[2];
    event.labels = texts[3];
    event.kinds = texts[4];
    event.tables = texts[5];
}

std::size_t total(const Texts& texts)
{
    std::size_t bytes = 0;
    for (const auto text : texts)
        bytes += text.size();
    return bytes;
}

std::size_t size_of(const Record& record)
{
    std::size_t bytes = sizeof record + record.session.size() + record.user.size();
    for (const auto& [key, value] : record.fields) {
        bytes += sizeof(Field);
        if (const auto* text = std::get_if<std::string>(&value))
            bytes += text->size();
        if (const auto* list = std::get_if<std::vector<std::string>>(&value))
            for (const auto& item : *list)
                bytes += sizeof item + item.size();
    }
    return bytes;
}

class LaneToRing final : public Lane
{
  public:
    LaneToRing(std::shared_ptr<Queue> queue, std::size_t bytes)
        : queue_(std::move(queue)), ring_(std::make_shared<Ring>(bytes))
    {
        const std::lock_guard lock{queue_->mutex};
        queue_->lanes.push_back(ring_);
    }

    bool statement(const StatementEvent& event) override
    {
        if (!usable())
            return false;
        const Texts texts = texts_of(event);
        const std::size_t size = sizeof(StatementHead) + total(texts);
        if (size > ring_->size() / 4)
            return submit_large(event, texts);
        std::byte* at = ring_->reserve(size);
        if (!at)
            return full();
        StatementHead head{statement_tag, event.redacted, event.at_ns, event.session, event.statement, event.shape, {}};
        for (std::size_t i = 0; i < texts.size(); ++i)
            head.sizes[i] = static_cast<std::uint32_t>(texts[i].size());
        std::memcpy(at, &head, sizeof head);
        at += sizeof head;
        for (const auto text : texts) {
            if (!text.empty())
                std::memcpy(at, text.data(), text.size());
            at += text.size();
        }
        return published();
    }

    bool outcome(const OutcomeEvent& event) override
    {
        if (!usable())
            return false;
        std::byte* at = ring_->reserve(sizeof(OutcomeMessage));
        if (!at)
            return full();
        const OutcomeMessage message{outcome_tag, event};
        std::memcpy(at, &message, sizeof message);
        return published();
    }

    bool writable(std::size_t text_bytes) const override
    {
        if (!usable())
            return false;
        // Lists of rules, labels, kinds and tables are short beside this allowance.
        const std::size_t size = sizeof(StatementHead) + sizeof(OutcomeMessage) + text_bytes + 4096;
        if (size > ring_->size() / 4)
            return queue_->bytes.load(std::memory_order_relaxed) < queue_->limit_bytes &&
                   ring_->roomy(sizeof(OutcomeMessage));
        return ring_->roomy(size);
    }

  private:
    [[nodiscard]] bool usable() const
    {
        return queue_->open.load(std::memory_order_acquire) && queue_->healthy.load(std::memory_order_acquire);
    }
    bool full()
    {
        queue_->wake();
        return false;
    }
    bool published()
    {
        ring_->publish();
        if (queue_->sleeping.load(std::memory_order_relaxed) && ring_->used() > ring_->size() / 2)
            queue_->wake();
        return true;
    }
    bool submit_large(const StatementEvent& event, const Texts& texts)
    {
        auto large = std::make_unique<LargeStatement>();
        large->event = event;
        large->storage.reserve(total(texts));
        Texts own{};
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const std::size_t from = large->storage.size();
            large->storage += texts[i];
            own[i] = std::string_view{large->storage}.substr(from);
        }
        set_texts(large->event, own);
        const std::size_t bytes = large->storage.size();
        return queue_->submit({std::move(large), {}, {}, bytes});
    }

    std::shared_ptr<Queue> queue_;
    std::shared_ptr<Ring> ring_;
};

} // namespace

bool Queue::submit(Submitted item)
{
    if (const auto* record = std::get_if<Record>(&item.what))
        item.bytes = size_of(*record);
    const bool durable = static_cast<bool>(item.on_durable);
    {
        const std::lock_guard lock{mutex};
        if (!open || !healthy)
            return false;
        // One item may exceed the limit when nothing waits: a statement is never too large to be recorded.
        const std::uint64_t waiting = bytes.load(std::memory_order_relaxed);
        if (waiting > 0 && waiting + item.bytes > limit_bytes)
            return false;
        for (const auto& lane : lanes)
            item.lanes.push_back(lane->written());
        const std::uint64_t now = bytes.fetch_add(item.bytes, std::memory_order_relaxed) + item.bytes;
        items.push_back(std::move(item));
        if (!durable && now < limit_bytes / 2)
            return true;
        urgent = true;
    }
    changed.notify_one();
    return true;
}

void Queue::wake()
{
    if (!sleeping.exchange(false, std::memory_order_acq_rel))
        return;
    {
        const std::lock_guard lock{mutex};
        urgent = true;
    }
    changed.notify_one();
}

std::unique_ptr<Lane> make_lane(std::shared_ptr<Queue> queue, std::size_t bytes)
{
    return std::make_unique<LaneToRing>(std::move(queue), bytes);
}

std::optional<OutcomeEvent> read_lane_outcome(std::span<const std::byte> message)
{
    if (std::to_integer<std::uint8_t>(message[0]) != outcome_tag)
        return std::nullopt;
    OutcomeMessage outcome{};
    std::memcpy(&outcome, message.data(), sizeof outcome);
    return outcome.event;
}

LaneEvent read_lane_message(std::span<const std::byte> message)
{
    if (const auto outcome = read_lane_outcome(message))
        return *outcome;
    StatementHead head{};
    std::memcpy(&head, message.data(), sizeof head);
    StatementEvent event;
    event.at_ns = head.at_ns;
    event.session = head.session;
    event.statement = head.statement;
    event.shape = head.shape;
    event.redacted = head.redacted != 0;
    Texts texts{};
    const char* at = reinterpret_cast<const char*>(message.data()) + sizeof head;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        texts[i] = {at, head.sizes[i]};
        at += head.sizes[i];
    }
    set_texts(event, texts);
    return event;
}

} // namespace stepgate::proxy::audit
