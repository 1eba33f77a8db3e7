using System.Diagnostics.Metrics;
using Rag.Foundation;
using Rag.Storage.Leadership;

namespace Rag.Audit;

internal sealed class AuditMetrics
{
    public const string MeterName = "Rag.Audit";

    private readonly Counter<long> _records;
    private readonly TimeProvider _time;
    private long _coveredAt;

    public AuditMetrics(IMeterFactory meters, Leader leader, AccessSpool spool, TimeProvider time)
    {
        _time = time;
        var meter = meters.Create(MeterName);
        _records = meter.CreateCounter<long>("rag_audit_records", description: "Audit records that were given their place in the tree, by category.");
        foreach (string category in AuditCategory.All) Sequenced(category, 0);
        // One replica signs. What another saw last would make what is outside look younger or older than it is.
        meter.CreateObservableGauge("rag_audit_checkpoint_age_seconds", () => leader.Term is not null && Covered is { } at ? [new Measurement<double>(Math.Max(0, (_time.GetUtcNow() - at).TotalSeconds))] : Array.Empty<Measurement<double>>(),
            description: "How long ago everything in the audit record was last known to be under a checkpoint outside.");
        meter.CreateObservableCounter("rag_audit_dropped", () => spool.Dropped, description: "Records of data access that were given up because there was no room for them.");
    }

    /// <summary>When everything in the record was last under a checkpoint that is outside; null where that is not known yet.</summary>
    public DateTimeOffset? Covered
    {
        get => Volatile.Read(ref _coveredAt) is > 0 and var at ? Clock.FromMicroseconds(at) : null;
        set => Volatile.Write(ref _coveredAt, value is { } at ? Clock.ToMicroseconds(at) : 0);
    }

    public void Sequenced(string category, int count) => _records.Add(count, new KeyValuePair<string, object?>("category", category));
}
