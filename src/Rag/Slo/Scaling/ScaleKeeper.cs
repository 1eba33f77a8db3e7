using System.Globalization;
using System.Text.Json.Nodes;
using Rag.Foundation;

namespace Rag.Slo.Scaling;

/// <summary>
/// Carries what is approved into the cluster, and takes it back: the ceiling that the admission policies read, and the autoscaler's
/// bounds. The ceiling is raised before the autoscaler's and lowered after it, so that no policy is in the way.
/// </summary>
internal sealed class ScaleKeeper(KubernetesApi cluster, TimeProvider time)
{
    public const string Ceiling = "rag-system-ceiling", Autoscaler = "rag-system";

    private const string Owner = "rag-system/owner", Reason = "rag-system/reason", Until = "rag-system/until";

    private string CeilingPath => $"/api/v1/namespaces/{cluster.Namespace}/configmaps/{Ceiling}";

    private string AutoscalerPath => $"/apis/autoscaling/v2/namespaces/{cluster.Namespace}/horizontalpodautoscalers/{Autoscaler}";

    /// <param name="approved">What the service says; null where it could not be asked. Then what was approved still ends: its end stands in the cluster.</param>
    /// <exception cref="RagException">Unavailable: the cluster does not answer, or refuses.</exception>
    public async Task<ScaleKept> KeepAsync(ScaleBounds? approved, CancellationToken ct)
    {
        var map = await cluster.GetAsync(CeilingPath, ct);
        var scaler = await cluster.GetAsync(AutoscalerPath, ct);
        int ceiling = int.TryParse((string?)map["data"]?["ceiling"], CultureInfo.InvariantCulture, out int number) ? number : 0;
        int min = (int?)scaler["spec"]?["minReplicas"] ?? 1, max = (int?)scaler["spec"]?["maxReplicas"] ?? 0;
        string? until = (string?)map["metadata"]?["annotations"]?[Until];
        if (approved is null && !(DateTimeOffset.TryParse(until, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var end) && end <= time.GetUtcNow())) return new(min, max, [], null);
        var bounds = approved ?? new(ScaleApprovals.MinReplicas, ScaleApprovals.MaxReplicas, null, null, null);
        var changed = new List<string>();
        bool raises = bounds.Max > ceiling;
        if (raises) await SetCeilingAsync();
        if (min != bounds.Min || max != bounds.Max)
        {
            await cluster.PatchAsync(AutoscalerPath, new JsonObject { ["spec"] = new JsonObject { ["minReplicas"] = bounds.Min, ["maxReplicas"] = bounds.Max } }, ct);
            changed.Add($"the autoscaler goes from {bounds.Min} to {bounds.Max} (was {min} to {max})");
        }
        if (!raises && (ceiling != bounds.Max || until != End(bounds))) await SetCeilingAsync();
        return new(bounds.Min, bounds.Max, changed, null);

        async Task SetCeilingAsync()
        {
            await cluster.PatchAsync(CeilingPath, new JsonObject
            {
                ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [Owner] = bounds.Owner, [Reason] = bounds.Reason, [Until] = End(bounds) } },
                ["data"] = new JsonObject { ["ceiling"] = bounds.Max.ToString(CultureInfo.InvariantCulture) },
            }, ct);
            changed.Add(bounds.Max == ceiling ? "the approval's end" : $"the ceiling is {bounds.Max} (was {ceiling})");
        }
    }

    private static string? End(ScaleBounds bounds) => bounds.Until?.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
