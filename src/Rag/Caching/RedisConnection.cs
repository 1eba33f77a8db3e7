using System.Globalization;
using System.Net;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Rag.Caching;

/// <summary>
/// The connection to Redis, made and watched beside the requests. A probe asks every second, or sooner and then ever
/// less often while there is no answer; it opens and closes the circuit, and brings the generation of the replicas into line.
/// Nothing waits for it, the start neither.
/// </summary>
internal sealed class RedisConnection : BackgroundService
{
    private const int ConnectTimeoutMs = 2_000;

    /// <summary>How long commands of operators and of the writer may take.</summary>
    private const int CommandTimeoutMs = 5_000;

    private static readonly TimeSpan SteadyPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LastRetry = TimeSpan.FromSeconds(2);

    private readonly RedisOptions _options;
    private readonly CacheGeneration _generation;
    private readonly TimeProvider _time;
    private readonly ILogger<RedisConnection> _log;
    private readonly RedisKey _generationKey;
    private readonly RedisChannel _channel;
    private readonly TaskCompletionSource _tried = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ConnectionMultiplexer? _redis;
    private bool _subscribed;
    private bool? _reportedUp;

    public RedisConnection(CachingOptions options, CacheGeneration generation, TimeProvider time, ILogger<RedisConnection> log)
    {
        (_options, _generation, _time, _log) = (options.Redis, generation, time, log);
        _generationKey = _options.KeyPrefix + "cache-generation";
        _channel = RedisChannel.Literal(_options.KeyPrefix + "cache-generation");
        // Timers fire late, never early: what they may be late by is kept back.
        Wait = TimeSpan.FromMilliseconds(_options.TimeoutMs - Math.Max(1, _options.TimeoutMs / 10.0));
    }

    public RedisCircuit Circuit { get; } = new();

    /// <summary>What one question may wait for Redis, all its look-ups together.</summary>
    public TimeSpan Wait { get; }

    /// <summary>Completes when Redis was asked for the first time, whatever came of it.</summary>
    public Task Tried => _tried.Task;

    /// <summary>What went wrong last, in words; null while nothing does.</summary>
    public string? Trouble { get; private set; }

    /// <summary>The database; null before the first connection.</summary>
    public IDatabase? Database => Volatile.Read(ref _redis)?.GetDatabase();

    /// <summary>The servers that are known, each primary and replica.</summary>
    public IReadOnlyList<IServer> Servers => Volatile.Read(ref _redis)?.GetServers() ?? [];

    public IEnumerable<IServer> Primaries => Servers.Where(s => s is { IsConnected: true, IsReplica: false } && s.ServerType != ServerType.Sentinel);

    public IEnumerable<string> ConfiguredEndpoints => _options.EndpointList;

    /// <summary>Takes over the greater generation, or tells Redis and the other replicas of ours.</summary>
    public async Task AlignGenerationAsync()
    {
        var database = Database ?? throw new IOException("Redis is not connected yet.");
        RedisValue value;
        try
        {
            value = await database.StringGetAsync(_generationKey, CommandFlags.DemandMaster);
        }
        catch (RedisServerException e) when (RedisErrors.IsWrongType(e))
        {
            await database.KeyDeleteAsync(_generationKey);
            value = default;
        }
        bool known = long.TryParse((string?)value, NumberStyles.None, CultureInfo.InvariantCulture, out long theirs) && _generation.Plausible(theirs);
        if (known) _generation.Adopt(theirs);
        long ours = _generation.Value;
        if (ours == (known ? theirs : 0) && (known || value.IsNull)) return;
        await database.StringSetAsync(_generationKey, ours);
        await database.PublishAsync(_channel, ours);
    }

    public override void Dispose()
    {
        _redis?.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        await Task.Yield();
        var retry = FirstRetry;
        while (!stop.IsCancellationRequested)
        {
            var opening = Circuit.NextOpening;
            bool up = await ProbeAsync(stop);
            if (up) Circuit.Close();
            else Circuit.Open();
            Report(up);
            _tried.TrySetResult();
            if (up)
            {
                retry = FirstRetry;
                await opening.WaitAsync(SteadyPause, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (!opening.IsCompleted) continue;
            }
            await Task.Delay(retry, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!up) retry = retry * 2 < LastRetry ? retry * 2 : LastRetry;
        }
    }

    /// <summary>Connects where there is no connection, and asks every primary; as patient as a question, not more.</summary>
    private async Task<bool> ProbeAsync(CancellationToken stop)
    {
        try
        {
            if (_redis is null) Volatile.Write(ref _redis, await ConnectAsync());
            var answers = Primaries.Select(s => (Task)s.PingAsync()).Append(AlignGenerationAsync()).ToList();
            await RedisErrors.Observed(Task.WhenAll(answers)).WaitAsync(Wait, _time, stop);
            if (!_subscribed) await SubscribeAsync(stop);
            Trouble = null;
            return true;
        }
        catch (Exception e) when (RedisErrors.Expected(e) || e is OperationCanceledException or IOException or UnauthorizedAccessException)
        {
            Trouble = e is TimeoutException and not RedisTimeoutException ? $"no answer within {_options.TimeoutMs} ms" : e.Message;
            return false;
        }
    }

    private async Task<ConnectionMultiplexer> ConnectAsync()
    {
        var options = new ConfigurationOptions
        {
            AbortOnConnectFail = false,
            // For INFO; nothing else of the kind is sent.
            AllowAdmin = true,
            ConnectTimeout = ConnectTimeoutMs,
            AsyncTimeout = CommandTimeoutMs,
            SyncTimeout = CommandTimeoutMs,
            // What cannot be sent now is a miss now.
            BacklogPolicy = BacklogPolicy.FailFast,
            ReconnectRetryPolicy = new LinearRetry((int)FirstRetry.TotalMilliseconds * 5),
            ClientName = "rag-system",
            User = _options.User,
            Password = _options.ReadPassword(),
            Ssl = _options.Tls,
            ServiceName = _options.ServiceName,
            // Keys and channels outside the prefix are none of ours.
            TieBreaker = "",
            ConfigurationChannel = "",
        };
        foreach (string endpoint in _options.EndpointList) options.EndPoints.Add(endpoint);
        return await ConnectionMultiplexer.ConnectAsync(options);
    }

    private async Task SubscribeAsync(CancellationToken stop)
    {
        // Without notifications the probe still sees a clearing, a second later at most.
        _subscribed = true;
        try
        {
            await RedisErrors.Observed(_redis!.GetSubscriber().SubscribeAsync(_channel, (_, value) =>
            {
                if (long.TryParse((string?)value, NumberStyles.None, CultureInfo.InvariantCulture, out long theirs) && _generation.Plausible(theirs)) _generation.Adopt(theirs);
            })).WaitAsync(TimeSpan.FromMilliseconds(CommandTimeoutMs), _time, stop);
        }
        catch (Exception e) when (RedisErrors.Expected(e))
        {
            _log.NoNotifications(e.Message);
        }
    }

    private void Report(bool up)
    {
        if (_reportedUp == up) return;
        _reportedUp = up;
        if (up) _log.RedisUp();
        else _log.RedisDown(Trouble ?? "");
    }
}

internal static class RedisErrors
{
    /// <summary>What Redis being away, slow or unwilling looks like.</summary>
    public static bool Expected(Exception e) => e is RedisException or RedisCommandException or TimeoutException or ObjectDisposedException or IOException or System.Net.Sockets.SocketException;

    /// <summary>Something of another type lies under the key: not a value of ours.</summary>
    public static bool IsWrongType(RedisServerException e) => e.Message.StartsWith("WRONGTYPE", StringComparison.Ordinal);

    /// <summary>The same task; where nobody waits for its end any more, what it ends with is nobody's concern.</summary>
    public static T Observed<T>(T task) where T : Task
    {
        _ = task.ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return task;
    }
}
