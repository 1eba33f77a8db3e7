using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using k8s;
using k8s.Models;

namespace Rag.Testing.Kubernetes;

/// <summary>An object as an overlay renders it.</summary>
/// <param name="Typed">Of the type that its kind has; nothing in the text was left over.</param>
public sealed record Manifest(string ApiVersion, string Kind, string? Namespace, string Name, IKubernetesObject<V1ObjectMeta> Typed)
{
    public override string ToString() => $"{Kind}/{Name}";

    /// <summary>The object as an expression of CEL sees it: maps, lists, strings, whole numbers.</summary>
    public Dictionary<string, object?> Tree() => (Dictionary<string, object?>)Plain(JsonNode.Parse(KubernetesJson.Serialize((object)Typed)))!;

    internal static object? Plain(JsonNode? node) => node switch
    {
        null => null,
        JsonObject map => map.Where(p => p.Value is not null).ToDictionary(p => p.Key, p => Plain(p.Value)),
        JsonArray list => list.Select(Plain).ToList(),
        JsonValue value => value.GetValueKind() switch
        {
            JsonValueKind.Number => value.TryGetValue(out long whole) ? whole : value.GetValue<double>(),
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => value.GetValue<string>(),
        },
        _ => throw new InvalidOperationException("JSON has no more kinds."),
    };
}

/// <summary>The folder <c>deploy/kubernetes</c>, rendered by kubectl's own kustomize and read strictly.</summary>
public static partial class Manifests
{
    /// <summary>Where a kind of Kubernetes itself is cluster-wide, and so has no namespace; of those that are used here.</summary>
    public static readonly IReadOnlySet<string> ClusterWide = new HashSet<string> { "Namespace", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding" };

    private static readonly Dictionary<(string ApiVersion, string Kind), Type> Types = KnownTypes();

    private static readonly MethodInfo Read = typeof(KubernetesYaml).GetMethods().Single(m =>
        m is { Name: nameof(KubernetesYaml.Deserialize), IsGenericMethodDefinition: true } && m.GetParameters() is [{ ParameterType: var text }, { ParameterType: var strict }] && text == typeof(string) && strict == typeof(bool));

    public static string Folder => Path.Combine(LocalCluster.Root(), "deploy", "kubernetes");

    public static IReadOnlyList<string> Overlays => [.. Directory.GetDirectories(Path.Combine(Folder, "overlays")).Select(d => Path.GetFileName(d)).Order(StringComparer.Ordinal)];

    /// <summary>Whether kubectl is installed; in words what is missing, or null.</summary>
    public static string? Missing => ChildServer.Find("kubectl") is null ? "not installed: kubectl" : null;

    /// <summary>What an overlay renders to, as text.</summary>
    public static async Task<string> RenderAsync(string overlay, CancellationToken ct)
    {
        // To a file: the dashboards alone are longer than what is kept of a program's output.
        string file = Path.GetTempFileName();
        try
        {
            await ChildServer.RunAsync(ChildServer.Find("kubectl") ?? throw new InvalidOperationException(Missing), ["kustomize", Path.Combine(Folder, "overlays", overlay), "--output", file], ct);
            return await File.ReadAllTextAsync(file, ct);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Every object of an overlay.</summary>
    public static async Task<IReadOnlyList<Manifest>> LoadAsync(string overlay, CancellationToken ct) => Parse(await RenderAsync(overlay, ct));

    /// <exception cref="FormatException">A kind that nobody knows, a field that its type has not, a value of another type, or two objects of one name.</exception>
    public static IReadOnlyList<Manifest> Parse(string text)
    {
        var all = Documents().Split(text).Where(d => d.Trim().Length > 0).Select(ParseOne).ToList();
        var twice = all.GroupBy(m => (m.ApiVersion, m.Kind, m.Namespace, m.Name)).FirstOrDefault(g => g.Count() > 1);
        return twice is null ? all : throw new FormatException($"{twice.First()} is there twice.");
    }

    private static Manifest ParseOne(string text)
    {
        string Head(string field) => Regex.Match(text, $@"^{field}:\s*""?([^\s""]+)""?\s*$", RegexOptions.Multiline) is { Success: true } found ? found.Groups[1].Value : throw new FormatException($"An object has no {field}: {text[..Math.Min(200, text.Length)]}");
        var (version, kind) = (Head("apiVersion"), Head("kind"));
        if (!Types.TryGetValue((version, kind), out var type)) throw new FormatException($"Nobody knows the kind {kind} of {version}.");
        try
        {
            var typed = (IKubernetesObject<V1ObjectMeta>)Read.MakeGenericMethod(type).Invoke(null, [text, true])!;
            return new(version, kind, typed.Metadata.NamespaceProperty, typed.Metadata.Name, typed);
        }
        catch (TargetInvocationException e)
        {
            throw new FormatException($"A {kind} of {version} is not what its type says: {e.InnerException!.Message} {e.InnerException.InnerException?.Message}".TrimEnd(), e.InnerException);
        }
    }

    private static Dictionary<(string, string), Type> KnownTypes()
    {
        var types = new Dictionary<(string, string), Type>
        {
            [("monitoring.coreos.com/v1", "ServiceMonitor")] = typeof(ServiceMonitor),
            [("monitoring.coreos.com/v1", "PrometheusRule")] = typeof(PrometheusRule),
            [("postgresql.cnpg.io/v1", "Cluster")] = typeof(PostgresCluster),
            [("postgresql.cnpg.io/v1", "ScheduledBackup")] = typeof(ScheduledBackup),
            [("barmancloud.cnpg.io/v1", "ObjectStore")] = typeof(ObjectStore),
        };
        foreach (var type in typeof(V1Pod).Assembly.GetTypes())
            if (type.GetCustomAttribute<KubernetesEntityAttribute>() is { } entity && typeof(IKubernetesObject<V1ObjectMeta>).IsAssignableFrom(type))
                types.TryAdd((entity.Group.Length == 0 ? entity.ApiVersion : $"{entity.Group}/{entity.ApiVersion}", entity.Kind), type);
        return types;
    }

    [GeneratedRegex("^---[ \t]*$", RegexOptions.Multiline)]
    private static partial Regex Documents();
}
