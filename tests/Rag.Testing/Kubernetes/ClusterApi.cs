using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Rag.Testing.Kubernetes;

/// <summary>
/// As much of the API of Kubernetes as the scale keeper speaks, there being no cluster here: it holds the rendered ceiling and
/// autoscaler, merges patches into them (RFC 7386), lets an account do what its rendered Role says, and admits by the rendered policies.
/// </summary>
public sealed class ClusterApi : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly IReadOnlyList<Manifest> _manifests;
    private readonly Dictionary<string, (string Resource, JsonObject Object)> _objects = [];
    private readonly AdmissionPolicies _policies;

    private ClusterApi(WebApplication app, IReadOnlyList<Manifest> manifests)
    {
        (_app, _manifests, _policies) = (app, manifests, new(manifests));
        Hold("/api/v1/namespaces/rag-system/configmaps/rag-system-ceiling", "v1/configmaps", "ConfigMap", "rag-system-ceiling");
        Hold("/apis/autoscaling/v2/namespaces/rag-system/horizontalpodautoscalers/rag-system", "autoscaling/v2/horizontalpodautoscalers", "HorizontalPodAutoscaler", "rag-system");
        Folder = Directory.CreateTempSubdirectory("rag-account-").FullName;
        File.WriteAllText(Path.Combine(Folder, "token"), "keeper\n");
        File.WriteAllText(Path.Combine(Folder, "namespace"), "rag-system\n");
    }

    /// <summary>Credentials of the keeper's account, as a pod has them.</summary>
    public string Folder { get; }

    public string Address => _app.Urls.Single();

    /// <summary>What was changed, in its order: <c>configmaps</c> or <c>horizontalpodautoscalers</c>.</summary>
    public List<string> Changes { get; } = [];

    public string Ceiling => (string)Find("configmaps")["data"]!["ceiling"]!;

    public string? Annotation(string name) => (string?)Find("configmaps")["metadata"]!["annotations"]?["rag-system/" + name];

    public (int Min, int Max) Autoscaler => ((int)Find("horizontalpodautoscalers")["spec"]!["minReplicas"]!, (int)Find("horizontalpodautoscalers")["spec"]!["maxReplicas"]!);

    public static async Task<ClusterApi> StartAsync(IReadOnlyList<Manifest> manifests)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var cluster = new ClusterApi(app, manifests);
        app.Run(cluster.AnswerAsync);
        await app.StartAsync();
        return cluster;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }

    private void Hold(string path, string resource, string kind, string name) =>
        _objects[path] = (resource, JsonNode.Parse(KubernetesJson.Serialize((object)_manifests.Single(m => m.Kind == kind && m.Name == name).Typed))!.AsObject());

    private JsonObject Find(string plural) => _objects.Single(o => o.Key.Contains($"/{plural}/")).Value.Object;

    private async Task AnswerAsync(HttpContext context)
    {
        string path = context.Request.Path.Value!;
        if (context.Request.Headers.Authorization != "Bearer keeper") await EndAsync(context, HttpStatusCode.Unauthorized, "no such account");
        else if (!_objects.TryGetValue(path, out var held)) await EndAsync(context, HttpStatusCode.NotFound, path);
        else if (!May(context.Request.Method == "GET" ? "get" : "patch", held.Resource, path.Split('/')[^1])) await EndAsync(context, HttpStatusCode.Forbidden, $"the account may not {context.Request.Method} {path}");
        else if (context.Request.Method == "GET") await EndAsync(context, HttpStatusCode.OK, held.Object.ToJsonString());
        else if (context.Request.Method != "PATCH" || context.Request.ContentType?.StartsWith("application/merge-patch+json", StringComparison.Ordinal) != true) await EndAsync(context, HttpStatusCode.UnsupportedMediaType, "merge patches only");
        else
        {
            var patch = (await JsonNode.ParseAsync(context.Request.Body))!;
            var after = (JsonObject)Merge(held.Object.DeepClone(), patch)!;
            var refusals = _policies.Refusals(
                new(held.Resource, "UPDATE", "rag-system", (Dictionary<string, object?>)Manifest.Plain(after)!, (Dictionary<string, object?>)Manifest.Plain(held.Object)!, PolicyCases.Keeper), new Dictionary<string, string> { ["ceiling"] = Ceiling });
            if (refusals.Count > 0)
            {
                await EndAsync(context, HttpStatusCode.UnprocessableEntity, string.Join("; ", refusals));
                return;
            }
            _objects[path] = held with { Object = after };
            Changes.Add(held.Resource.Split('/')[^1]);
            await EndAsync(context, HttpStatusCode.OK, after.ToJsonString());
        }
    }

    private bool May(string verb, string resource, string name)
    {
        var role = (k8s.Models.V1Role)_manifests.Single(m => m.Kind == "Role" && m.Name == "rag-system-scale-keeper").Typed;
        string[] parts = resource.Split('/');
        string group = parts[0] == "v1" ? "" : parts[0];
        return role.Rules.Any(r => r.ApiGroups.Contains(group) && r.Resources.Contains(parts[^1]) && r.Verbs.Contains(verb) && (r.ResourceNames is not { Count: > 0 } names || names.Contains(name)));
    }

    private static JsonNode? Merge(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject changes) return patch?.DeepClone();
        var result = target as JsonObject ?? [];
        foreach (var (name, value) in changes)
        {
            if (value is null) result.Remove(name);
            else result[name] = Merge(result[name]?.DeepClone(), value);
        }
        return result;
    }

    private static Task EndAsync(HttpContext context, HttpStatusCode status, string body)
    {
        context.Response.StatusCode = (int)status;
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(status == HttpStatusCode.OK ? body : JsonSerializer.Serialize(new { message = body }));
    }
}
