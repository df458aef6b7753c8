#include "proxy/notify/notifier.h"

#include <algorithm>

namespace stepgate::proxy::notify
{

namespace
{

constexpr std::size_t most_unmade = 1000; // notices that wait to be made: that takes microseconds each

} // namespace

Notifier::Notifier(std::vector<TargetSettings> targets, Outlets outlets)
    : outlets_(std::move(outlets)), intake_(most_unmade)
{
    replace(std::move(targets));
}

void Notifier::tell(Event event, std::function<Notice()> make)
{
    if (!wants(event))
        return;
    const auto lost = [this, event](const char* why) {
        ++lost_;
        outlets_.failed({{}, std::string{to_string(event)}, {}, {}, 0, why});
    };
    if (!intake_.push({[this, make = std::move(make)] { deliver(make); }, [lost] { lost("stepgate stops"); }}))
        lost("too many notices wait");
}

void Notifier::deliver(const std::function<Notice()>& make) const
{
    const auto notice = std::make_shared<const Notice>(make());
    for (const auto& target : targets())
        if (target->wants(*notice))
            target->tell(notice);
}

Notifier::Targets Notifier::targets() const
{
    const std::lock_guard lock{mutex_};
    return targets_;
}

std::vector<std::pair<std::string, Target::Counts>> Notifier::counts() const
{
    std::vector<std::pair<std::string, Target::Counts>> out;
    for (const auto& target : targets())
        out.emplace_back(target->settings().name, target->counts());
    if (!out.empty())
        out.emplace_back("", Target::Counts{0, 0, lost_, intake_.waiting()});
    return out;
}

void Notifier::replace(std::vector<TargetSettings> settings)
{
    auto old = targets();
    Targets now;
    std::uint32_t wanted = 0;
    for (auto& one : settings) {
        for (const auto event : one.events)
            wanted |= bit(event);
        const auto same = std::find_if(old.begin(), old.end(), [&](const auto& target) {
            return target != nullptr && !target->gone() && target->settings() == one;
        });
        now.push_back(same != old.end() ? std::exchange(*same, nullptr)
                                        : std::make_shared<Target>(std::move(one), outlets_));
    }
    {
        const std::lock_guard lock{mutex_};
        targets_ = std::move(now);
    }
    wanted_ = wanted;
    for (auto& target : old)
        if (target != nullptr) {
            target->stop();
            retired_.push_back(std::move(target));
        }
}

void Notifier::stop()
{
    intake_.stop();
    for (const auto& target : targets())
        target->stop();
}

} // namespace stepgate::proxy::notify
