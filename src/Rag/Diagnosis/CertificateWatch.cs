using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;

namespace Rag.Diagnosis;

/// <summary>Looks at the certificates every hour, for <c>rag_certificate_expiry_timestamp_seconds</c>. One that is not seen now keeps what it last showed.</summary>
internal sealed class CertificateWatch : BackgroundService
{
    public const string MeterName = "Rag.Diagnosis";

    private static readonly TimeSpan Interval = TimeSpan.FromHours(1), RetryInterval = TimeSpan.FromMinutes(5);

    private readonly CertificateDiagnosis _certificates;
    private readonly TimeProvider _time;
    private readonly IHostApplicationLifetime? _lifetime;
    private volatile IReadOnlyDictionary<string, DateTimeOffset> _expiry = new Dictionary<string, DateTimeOffset>();

    public CertificateWatch(CertificateDiagnosis certificates, IMeterFactory meters, TimeProvider time, IHostApplicationLifetime? lifetime = null)
    {
        (_certificates, _time, _lifetime) = (certificates, time, lifetime);
        meters.Create(MeterName).CreateObservableGauge("rag_certificate_expiry_timestamp_seconds", Measure, description: "When the certificate expires, seconds since 1970.");
    }

    /// <summary>When what is watched expires, as it was seen last, by name.</summary>
    public IReadOnlyDictionary<string, DateTimeOffset> Expiry => _expiry;

    protected override async Task ExecuteAsync(CancellationToken stop)
    {
        // The start is for what answers questions, and the own certificate is shown once the server listens.
        await Task.Yield();
        if (_lifetime is not null) await StartedAsync(_lifetime, stop);
        while (!stop.IsCancellationRequested)
        {
            bool all = await LookAsync(stop);
            await Task.Delay(all ? Interval : RetryInterval, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task StartedAsync(IHostApplicationLifetime lifetime, CancellationToken stop)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<bool> LookAsync(CancellationToken stop)
    {
        try
        {
            var shown = await _certificates.ReadAsync(stop);
            var expiry = new Dictionary<string, DateTimeOffset>(_expiry);
            // Of several servers of one name, the first to expire counts.
            foreach (var group in shown.Where(c => c.Problem is null).GroupBy(c => c.End.Name)) expiry[group.Key] = group.Min(c => c.NotAfter);
            _expiry = expiry;
            return shown.All(c => c.Problem is null);
        }
        catch (Exception) when (!stop.IsCancellationRequested)
        {
            // Whatever it is, 'rag doctor certificates' says it; the watch goes on.
            return false;
        }
    }

    private IEnumerable<Measurement<double>> Measure() => _expiry.Select(e => new Measurement<double>(e.Value.ToUnixTimeSeconds(), new KeyValuePair<string, object?>("name", e.Key)));
}
