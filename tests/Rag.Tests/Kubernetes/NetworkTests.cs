using Rag.Testing.Kubernetes;

namespace Rag.Tests.Kubernetes;

/// <summary>Who may reach whom, computed from the rendered policies for every pair and port, and compared with what is written here.</summary>
public sealed class NetworkTests
{
    public static TheoryData<string> Overlays => [.. NetworkMatrix.Expected.Keys];

    [Fact]
    public void Every_overlay_has_its_matrix() => NetworkMatrix.Expected.Keys.Order(StringComparer.Ordinal).ShouldBe(Manifests.Overlays);

    [Theory, MemberData(nameof(Overlays))]
    public async Task Nobody_reaches_more_than_is_written_down(string overlay)
    {
        var (pairs, problems) = NetworkMatrix.Compare(overlay, await Rendered.LoadAsync(overlay));
        problems.ShouldBeEmpty();
        pairs.ShouldBeGreaterThan(1_000);
    }

    [Fact]
    public async Task Without_its_default_a_namespace_is_open()
    {
        // The matrix can tell: it is no list that anything satisfies.
        var manifests = (await Rendered.LoadAsync("small")).Where(m => m.Kind != "NetworkPolicy").ToList();
        NetworkMatrix.Compare("small", manifests).Problems.Count.ShouldBeGreaterThan(100);
    }

    [Fact]
    public async Task A_policy_that_allows_one_port_more_is_noticed()
    {
        string text = await Rendered.TextAsync("operators");
        var manifests = Manifests.Parse(text.Replace("    - port: 26379\n", "    - port: 26379\n    - port: 6379\n"));
        NetworkMatrix.Compare("operators", manifests).Problems.ShouldNotBeEmpty();
    }
}
