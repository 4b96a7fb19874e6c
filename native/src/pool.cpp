#include "pool.h"

#include <chrono>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static constexpr auto kSpin = std::chrono::microseconds(50);

static void pause() {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

void Gate::wait(uint64_t past) {
    const auto until = std::chrono::steady_clock::now() + kSpin;
    do
        for (int turn = 0; turn < 64; turn++) {
            if (count_.load() != past) return;
            pause();
        }
    while (std::chrono::steady_clock::now() < until);
    std::unique_lock<std::mutex> lock(mutex_);
    sleepers_.fetch_add(1);
    wake_.wait(lock, [&] { return count_.load() != past; });
    sleepers_.fetch_sub(1);
}

// The cores that this thread may run on. Linux wakes a thread that has slept for long on the core of the one that wakes
// it, beside an idle one, and leaves it there for tens of milliseconds; so in a run the caller keeps its core, and the
// others leave it, and one another's, alone.
class Affinity {
public:
#if defined(__linux__)
    Affinity() : known_(!sched_getaffinity(0, sizeof own_, &own_) && CPU_COUNT(&own_) > 1) {}

    // On the core where it runs; returns which, or -1.
    int keep() const {
        const int core = sched_getcpu();
        if (!known_ || core < 0 || core >= CPU_SETSIZE) return -1;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(core, &one);
        return sched_setaffinity(0, sizeof one, &one) ? -1 : core;
    }

    // On none of those cores, if there are others; returns where it runs then, or -1.
    int avoid(const std::vector<std::atomic<int>>& cores) const {
        if (!known_) return -1;
        cpu_set_t free = own_;
        for (const auto& core : cores)
            if (core.load() >= 0) CPU_CLR(core.load(), &free);
        if (!CPU_COUNT(&free) || sched_setaffinity(0, sizeof free, &free)) return -1;
        return sched_getcpu();
    }

    void restore() const {
        if (known_) sched_setaffinity(0, sizeof own_, &own_);
    }

private:
    cpu_set_t own_;
    bool known_;
#else
    int keep() const { return -1; }
    int avoid(const std::vector<std::atomic<int>>&) const { return -1; }
    void restore() const {}
#endif
};

bool Pool::try_run(const std::function<void(int)>& work) {
    const std::unique_lock<std::mutex> lock(running_, std::try_to_lock);
    if (!lock) return false;
    if (others_.empty()) start();
    work_ = &work;
    for (auto& core : cores_) core.store(-1);
    const Affinity own;
    cores_[0].store(own.keep());
    begun_.advance();
    work(0);
    done_.wait();
    own.restore();
    return true;
}

void Pool::start() {
    others_.reserve(threads_ - 1);
    try {
        for (int index = 1; index < threads_; index++)
            others_.emplace_back([this, index, past = begun_.now()] { serve(index, past); });
    } catch (...) {  // the system gives no more
        end();
        throw;
    }
}

void Pool::serve(int index, uint64_t past) {
    const Affinity own;
    for (;; past++) {
        begun_.wait(past);
        if (!work_) return;
        cores_[index].store(own.avoid(cores_));
        (*work_)(index);
        done_.wait();
    }
}

void Pool::end() {
    work_ = nullptr;
    begun_.advance();
    for (auto& thread : others_) thread.join();
    others_.clear();
}

Pool::~Pool() { end(); }
