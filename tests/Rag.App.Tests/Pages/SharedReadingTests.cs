using Microsoft.Extensions.Time.Testing;
using Rag.App.Pages;
using Rag.Audit;
using Rag.Foundation;
using Shouldly;

namespace Rag.App.Tests.Pages;

public sealed class SharedReadingTests
{
    private static readonly TimeSpan Apart = TimeSpan.FromSeconds(2), Patience = TimeSpan.FromSeconds(3);

    private readonly FakeTimeProvider _time = new();
    private int _reads;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Hundreds_who_look_at_once_cost_one_reading()
    {
        var gate = new TaskCompletionSource();
        var shared = Shared(async n =>
        {
            await gate.Task;
            return $"reading {n}";
        });
        var looking = Enumerable.Range(0, 500).Select(_ => Task.Run(() => shared.GetAsync(Cancel), Cancel)).ToList();
        while (Volatile.Read(ref _reads) == 0) await Task.Delay(5, Cancel);
        gate.SetResult();
        (await Task.WhenAll(looking)).Distinct().ShouldBe(["reading 1"]);
        _reads.ShouldBe(1);
    }

    [Fact]
    public async Task It_is_read_again_when_somebody_looks_two_seconds_later_and_not_before()
    {
        var shared = Shared(n => Task.FromResult($"reading {n}"));
        (await shared.GetAsync(Cancel)).ShouldBe("reading 1");
        _time.Advance(Apart - TimeSpan.FromMilliseconds(1));
        (await shared.GetAsync(Cancel)).ShouldBe("reading 1");
        _time.Advance(TimeSpan.FromMilliseconds(1));
        (await shared.GetAsync(Cancel)).ShouldBe("reading 2");
        // Nobody looks: nobody reads.
        _time.Advance(TimeSpan.FromHours(1));
        _reads.ShouldBe(2);
    }

    [Fact]
    public async Task A_failure_is_everybodys_and_is_not_tried_again_at_once()
    {
        bool fails = false;
        var shared = Shared(n => fails ? throw new RagException(ErrorKind.Unavailable, "away", "wait") : Task.FromResult($"reading {n}"));
        await shared.GetAsync(Cancel);
        fails = true;
        _time.Advance(Apart);
        for (int i = 0; i < 5; i++) (await Should.ThrowAsync<RagException>(() => shared.GetAsync(Cancel))).Message.ShouldBe("away");
        _reads.ShouldBe(2);
        shared.Last.ShouldBe("reading 1");
        fails = false;
        _time.Advance(Apart);
        (await shared.GetAsync(Cancel)).ShouldBe("reading 3");
    }

    [Fact]
    public async Task Whoever_leaves_ends_it_for_nobody_and_whoever_waits_too_long_is_told()
    {
        var gate = new TaskCompletionSource();
        var shared = Shared(async n =>
        {
            await gate.Task;
            return $"reading {n}";
        });
        using var leaves = new CancellationTokenSource();
        var first = shared.GetAsync(leaves.Token);
        var impatient = shared.GetAsync(Cancel);
        await leaves.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => first);
        while (!impatient.IsCompleted)
        {
            _time.Advance(Patience);
            await Task.Delay(5, Cancel);
        }
        (await Should.ThrowAsync<RagException>(() => impatient)).Kind.ShouldBe(ErrorKind.Unavailable);
        var third = shared.GetAsync(Cancel);
        gate.SetResult();
        (await third).ShouldBe("reading 1");
    }

    [Fact]
    public async Task It_is_read_in_nobodys_name()
    {
        Actor.Become(new("user", "u-1", "somebody"));
        var shared = Shared(_ => Task.FromResult(Actor.Current.Name));
        (await shared.GetAsync(Cancel)).ShouldBe(Actor.System.Name);
        Actor.Current.Name.ShouldBe("somebody");
    }

    private SharedReading<string> Shared(Func<int, Task<string>> read) => new("It", Apart, Patience, _time, _ => read(Interlocked.Increment(ref _reads)));
}
