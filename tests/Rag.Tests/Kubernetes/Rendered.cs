using System.Collections.Concurrent;
using Rag.Testing.Kubernetes;
using Rag.Tests.Slo;

namespace Rag.Tests.Kubernetes;

/// <summary>Overlays of <c>deploy/kubernetes</c>, each rendered once for all tests.</summary>
internal static class Rendered
{
    private static readonly ConcurrentDictionary<string, Task<string>> Texts = new();

    /// <summary>The text; without kubectl the test is skipped on a laptop and fails in continuous integration.</summary>
    public static Task<string> TextAsync(string overlay)
    {
        Deploy.Tool("kubectl");
        return Texts.GetOrAdd(overlay, name => Manifests.RenderAsync(name, CancellationToken.None));
    }

    public static async Task<IReadOnlyList<Manifest>> LoadAsync(string overlay) => Manifests.Parse(await TextAsync(overlay));
}
