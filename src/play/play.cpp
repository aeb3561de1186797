// SPDX-License-Identifier: Apache-2.0
#include "play/play.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "play/evidence.h"
#include "play/random_world.h"
#include "play/stage.h"

namespace sealane::play {
namespace {

constexpr Instant kBegin{kWarmUp};  // world time at which scene time is 0

Duration scene_time(Instant world_time) { return world_time - kBegin; }

// One run: the stage, and what is written down while it goes.
class Run {
 public:
  Run(const Scene& scene, std::shared_ptr<const plan::Plan> plan, uint64_t seed,
      const Options& options)
      : scene_(scene),
        stage_(std::move(plan),
               {.seed = seed, .think = scene.think, .trace_max = options.trace_max}) {
    report_.file = scene.file;
    report_.title = scene.title;
    report_.seed = seed;
  }

  Report go();

 private:
  void watch();
  void plan_faults();
  void plan_opinions();
  void note_view(const Stage::Seat& seat, const view::View& before);
  void tell(std::string who, std::string what);
  void collect();

  const Scene& scene_;
  Stage stage_;
  Evidence evidence_;
  Report report_;
  std::vector<UserGroup*> groups_;
};

void Run::tell(std::string who, std::string what) {
  if (report_.story.size() == Report::kStoryMax) {
    report_.story_cut = true;
    return;
  }
  report_.story.push_back({scene_time(stage_.world().now()), std::move(who), std::move(what)});
}

// Fresh DNS answers are sampled where an expectation asks for them.
void Run::watch() {
  std::set<std::string> places;
  for (const Expectation& e : scene_.expectations) {
    if (!e.near.text.empty()) places.insert(e.near.text);
  }
  for (const std::string& near : places) {
    stage_.add_watcher(
        stage_.region({near, {}}), kWatchPeriod, [this, near](const DnsSample& sample) {
          const plan::Plan& plan = stage_.plan();
          const plan::EndpointId server = stage_.name_servers()[sample.server];
          AnswerSeen answer{
              scene_time(sample.when), near, plan.region(plan.endpoint(server).region).name, {}};
          if (answer.when < Duration::zero()) return;
          for (const IpAddress& ip : sample.addresses) {
            const auto region = stage_.region_at(ip);
            answer.regions.push_back(region ? plan.region(*region).name : ip.to_string());
          }
          evidence_.answers.push_back(std::move(answer));
        });
  }
}

void Run::plan_faults() {
  for (const Fault& fault : scene_.faults) {
    stage_.world().at(kBegin + fault.when, [this, &fault] {
      tell("scene", words_of(fault));
      stage_.apply(fault);
    });
  }
}

void Run::plan_opinions() {
  for (size_t i = 0; i < scene_.expectations.size(); ++i) {
    const Expectation& e = scene_.expectations[i];
    if (e.kind != Expectation::Kind::seen_down && e.kind != Expectation::Kind::seen_up) continue;
    stage_.world().at(kBegin + e.from + e.within, [this, i, region = stage_.region(e.region)] {
      for (const Stage::Seat& seat : stage_.seats()) {
        if (seat.region == region || !seat.view || seat.node->state() != sim::NodeState::running)
          continue;
        evidence_.opinions.push_back({i, seat.node->name(), stage_.is_down(*seat.view, region)});
      }
    });
  }
}

void Run::note_view(const Stage::Seat& seat, const view::View& before) {
  const plan::Plan& plan = stage_.plan();
  const Duration now = scene_time(stage_.world().now());
  for (size_t i = 0; i < plan.regions.size(); ++i) {
    const auto region = plan::RegionId(i);
    const bool was = stage_.is_down(before, region), is = stage_.is_down(*seat.view, region);
    if (was == is || now < Duration::zero()) continue;
    tell(seat.node->name(), plan.regions[i].name + (is ? " is down" : " is up"));
    if (seat.region == region) continue;
    evidence_.flips.push_back({now, seat.node->name(), plan.regions[i].name, is});
  }
}

void Run::collect() {
  for (size_t i = 0; i < groups_.size(); ++i) {
    for (const auto& record : groups_[i]->records()) {
      RequestSeen seen{i, *record};
      seen.record.began = Instant(scene_time(record->began));
      seen.record.ended = Instant(scene_time(record->ended));
      evidence_.requests.push_back(std::move(seen));
    }
  }
}

Report Run::go() {
  watch();
  for (const Users& users : scene_.users) {
    groups_.push_back(&stage_.add_users(users, stage_.region(users.near)));
  }
  plan_faults();
  plan_opinions();
  stage_.on_view = [this](const Stage::Seat& seat, const view::View& before) {
    note_view(seat, before);
  };
  stage_.run_until(kBegin);
  for (UserGroup* group : groups_) group->begin();
  stage_.run_until(kBegin + scene_.lasts);
  stage_.on_view = nullptr;
  for (UserGroup* group : groups_) group->stop();
  const auto all_over = [&] {
    return std::ranges::all_of(groups_, [](const UserGroup* g) { return g->open_count() == 0; });
  };
  if (!all_over()) stage_.run_until(kBegin + scene_.lasts + kDrain, all_over);
  collect();
  judge(scene_, evidence_, report_);
  report_.trace_hash = stage_.world().trace_hash();
  report_.event_count = stage_.world().event_count();
  report_.lasted = scene_time(stage_.world().now());
  return std::move(report_);
}

Result<plan::Plan> compile_world(const Scene& scene, const Options& options) {
  static const plan::ReadFile kNothing = [](std::string_view name) -> Result<std::string> {
    return fail(Code::not_found, "this scene may not read the file " + std::string(name));
  };
  const plan::ReadFile& read = options.read_file ? options.read_file : kNothing;
  plan::Data built_in;
  if (!options.data) built_in = plan::built_in_data(false);
  const plan::Data& data = options.data ? *options.data : built_in;
  if (scene.world_file.empty()) return plan::compile(scene.world_yaml, scene.file, read, data);
  const auto text = read(scene.world_file);
  if (!text) return fail(Code::invalid, mistake(scene.file, scene.world_at, text.error().what));
  return plan::compile(*text, scene.world_file, read, data);
}

}  // namespace

Result<Report> run(const Scene& scene, uint64_t seed, const Options& options) {
  SL_TRY(plan::Plan plan, compile_world(scene, options));
  if (const std::string wrong = Stage::check(scene, plan); !wrong.empty())
    return fail(Code::invalid, wrong);
  return Run(scene, std::make_shared<const plan::Plan>(std::move(plan)), seed, options).go();
}

Result<Report> run_file(std::string_view text, std::string_view name, uint64_t seed,
                        const Options& options) {
  SL_TRY(const Scene scene, parse(text, name));
  return run(scene, seed, options);
}

}  // namespace sealane::play
