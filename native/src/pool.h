// Threads that work on one thing at a time. Whoever waits spins for some microseconds, which is what most waits last,
// and then sleeps, so that neighbours on the machine do not starve.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

// A count that only grows, and that one can wait for.
class Gate {
public:
    uint64_t now() const { return count_.load(); }

    void advance() {
        count_.fetch_add(1);
        if (sleepers_.load() > 0) {  // in order with count_: a sleeper has seen the new count, or is seen here
            { std::lock_guard<std::mutex> lock(mutex_); }
            wake_.notify_all();
        }
    }

    // Until the count is no longer `past`.
    void wait(uint64_t past);

private:
    std::atomic<uint64_t> count_{0};
    std::atomic<int> sleepers_{0};
    std::mutex mutex_;
    std::condition_variable wake_;
};

// Where `members` threads wait for one another, again and again.
class Barrier {
public:
    explicit Barrier(int members) : members_(members), taken_(members) {}

    void wait() {
        if (members_ == 1) return;
        const uint64_t past = gate_.now();
        if (arrived_.fetch_add(1) + 1 == members_) {
            arrived_.store(0);
            for (auto& taken : taken_) taken.store(0);
            gate_.advance();
        } else {
            gate_.wait(past);
        }
    }

    // 0, 1, 2, … of a member's work, each to whoever asks first; from 0 again after each wait.
    int take(int member) { return taken_[member].fetch_add(1); }

private:
    const int members_;
    std::atomic<int> arrived_{0};
    std::vector<std::atomic<int>> taken_;
    Gate gate_;
};

class Pool {
public:
    // The caller of `try_run` is one of the `threads`; the others start with the first run.
    explicit Pool(int threads) : threads_(threads), done_(threads), cores_(threads) {}
    ~Pool();
    Pool(const Pool&) = delete;

    // Calls work(0), …, work(threads - 1), each on a thread of its own, and returns true when all have; false at once,
    // and nothing is called, where the threads are at other work.
    bool try_run(const std::function<void(int)>& work);

private:
    void start();
    void serve(int index, uint64_t past);
    void end();

    const int threads_;
    Barrier done_;
    std::vector<std::atomic<int>> cores_;  // of each thread in this run, -1 where it has none yet
    Gate begun_;
    const std::function<void(int)>* work_ = nullptr;  // null ends the threads
    std::mutex running_;
    std::vector<std::thread> others_;
};
