using System.Threading.RateLimiting;
using Microsoft.AspNetCore.RateLimiting;
using Rag.Foundation;

namespace Rag.App;

/// <summary>
/// Refuses what is too much before it is too much: of each class of load (<see cref="LoadClass"/>) so many requests are
/// worked on and so many wait, each for so long. The rest get 503 and Retry-After at once, and those that are served are
/// served in time.
/// </summary>
internal static class LoadShedding
{
    public static IServiceCollection AddLoadShedding(this IServiceCollection services)
    {
        services.AddRateLimiter(static _ => { });
        services.AddOptions<RateLimiterOptions>().Configure<ServerOptions>(static (limiter, server) =>
        {
            limiter.RejectionStatusCode = StatusCodes.Status503ServiceUnavailable;
            limiter.OnRejected = static (context, _) => throw new RagException(
                ErrorKind.Overloaded, "The server has as much to do as it takes on at a time.", "Try again after the time that Retry-After gives, or ask at another replica.");
            Add(limiter, LoadClass.Questions, server.MaxQuestions, server.QueuedQuestions, server.QuestionWaitMs);
            Add(limiter, LoadClass.Writes, server.MaxWrites, server.QueuedWrites, server.WriteWaitMs);
        });
        return services;
    }

    private static void Add(RateLimiterOptions limiter, string policy, int max, int queued, int waitMs) => limiter.AddPolicy(policy, _ => RateLimitPartition.Get(
        policy, _ => new PatientLimiter(new() { PermitLimit = max, QueueLimit = queued, QueueProcessingOrder = QueueProcessingOrder.OldestFirst }, TimeSpan.FromMilliseconds(waitMs))));
}

/// <summary>A concurrency limiter whose queue nobody waits in for longer than <paramref name="patience"/>.</summary>
internal sealed class PatientLimiter(ConcurrencyLimiterOptions options, TimeSpan patience) : RateLimiter
{
    private readonly ConcurrencyLimiter _inner = new(options);
    // Refusing needs no state.
    private static readonly Refused NoLease = new();

    public override TimeSpan? IdleDuration => null;

    public override RateLimiterStatistics? GetStatistics() => _inner.GetStatistics();

    protected override RateLimitLease AttemptAcquireCore(int permitCount) => _inner.AttemptAcquire(permitCount);

    protected override async ValueTask<RateLimitLease> AcquireAsyncCore(int permitCount, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var waiting = _inner.AcquireAsync(permitCount, limit.Token);
        if (waiting.IsCompleted) return await waiting;
        limit.CancelAfter(patience);
        try
        {
            return await waiting;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return NoLease;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _inner.Dispose();
    }

    private sealed class Refused : RateLimitLease
    {
        public override bool IsAcquired => false;

        public override IEnumerable<string> MetadataNames => [];

        public override bool TryGetMetadata(string metadataName, out object? metadata)
        {
            metadata = null;
            return false;
        }
    }
}
