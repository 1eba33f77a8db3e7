using Microsoft.Extensions.Time.Testing;
using Rag.Foundation;
using Rag.Slo.Scaling;
using Rag.Testing.Kubernetes;

namespace Rag.Tests.Kubernetes;

public sealed class ScaleKeeperTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 2, 12, 0, 0, TimeSpan.Zero);

    private static readonly ScaleBounds Usual = new(3, 20, null, null, null);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_approval_raises_the_ceiling_before_the_autoscaler_and_its_end_lowers_it_after()
    {
        await using var cluster = await ClusterApi.StartAsync(await Rendered.LoadAsync("production"));
        var time = new FakeTimeProvider(Noon);
        using var api = KubernetesApi.Open(cluster.Address, cluster.Folder);
        var keeper = new ScaleKeeper(api, time);
        (await keeper.KeepAsync(Usual, Cancel)).Changed.ShouldBeEmpty();
        cluster.Changes.ShouldBeEmpty();

        var raised = await keeper.KeepAsync(new(5, 30, Noon.AddHours(8), "Ada", "Results are published"), Cancel);
        raised.Changed.Count.ShouldBe(2);
        (cluster.Ceiling, cluster.Autoscaler, cluster.Annotation("owner"), cluster.Annotation("until")).ShouldBe(("30", (5, 30), "Ada", "2026-03-02T20:00:00Z"));
        cluster.Changes.ShouldBe(["configmaps", "horizontalpodautoscalers"]);

        await keeper.KeepAsync(new(3, 30, Noon.AddHours(9), "Ada", "Results are published"), Cancel);
        cluster.Annotation("until").ShouldBe("2026-03-02T21:00:00Z");

        cluster.Changes.Clear();
        await keeper.KeepAsync(Usual, Cancel);
        (cluster.Ceiling, cluster.Autoscaler, cluster.Annotation("owner"), cluster.Annotation("until")).ShouldBe(("20", (3, 20), null, null));
        cluster.Changes.ShouldBe(["horizontalpodautoscalers", "configmaps"]);
        (await keeper.KeepAsync(Usual, Cancel)).Changed.ShouldBeEmpty();
    }

    [Fact]
    public async Task While_the_service_is_away_what_was_approved_stays_until_its_end_and_no_longer()
    {
        await using var cluster = await ClusterApi.StartAsync(await Rendered.LoadAsync("small"));
        var time = new FakeTimeProvider(Noon);
        using var api = KubernetesApi.Open(cluster.Address, cluster.Folder);
        var keeper = new ScaleKeeper(api, time);
        await keeper.KeepAsync(new(3, 30, Noon.AddHours(8), "Ada", "x"), Cancel);
        time.Advance(TimeSpan.FromHours(7));
        (await keeper.KeepAsync(null, Cancel)).Changed.ShouldBeEmpty();
        cluster.Autoscaler.Max.ShouldBe(30);
        time.Advance(TimeSpan.FromHours(1));
        await keeper.KeepAsync(null, Cancel);
        (cluster.Ceiling, cluster.Autoscaler).ShouldBe(("20", (3, 20)));
    }

    [Fact]
    public async Task What_the_cluster_refuses_is_said()
    {
        await using var cluster = await ClusterApi.StartAsync(await Rendered.LoadAsync("small"));
        using var api = KubernetesApi.Open(cluster.Address, cluster.Folder);
        // More than anybody can approve: the policy of the ceiling itself.
        var refused = await Should.ThrowAsync<RagException>(() => new ScaleKeeper(api, TimeProvider.System).KeepAsync(new(3, 150, Noon, "Eve", "x"), Cancel));
        refused.Message.ShouldContain("3 to 100");
        cluster.Changes.ShouldBeEmpty();
        await File.WriteAllTextAsync(Path.Combine(cluster.Folder, "token"), "another", Cancel);
        using var stranger = KubernetesApi.Open(cluster.Address, cluster.Folder);
        (await Should.ThrowAsync<RagException>(() => new ScaleKeeper(stranger, TimeProvider.System).KeepAsync(Usual, Cancel))).Message.ShouldContain("401");
    }

    [Fact]
    public async Task A_cluster_that_does_not_answer_is_said_to_be_away()
    {
        string folder;
        await using (var cluster = await ClusterApi.StartAsync(await Rendered.LoadAsync("small")))
        {
            folder = cluster.Folder;
            Should.Throw<RagException>(() => KubernetesApi.Open("tcp://x", folder)).Kind.ShouldBe(ErrorKind.Invalid);
            using var api = KubernetesApi.Open("http://127.0.0.1:9", folder);
            (await Should.ThrowAsync<RagException>(() => new ScaleKeeper(api, TimeProvider.System).KeepAsync(Usual, Cancel))).Kind.ShouldBe(ErrorKind.Unavailable);
        }
        Should.Throw<RagException>(() => KubernetesApi.Open("http://127.0.0.1:9", folder)).Message.ShouldContain("cannot be read");
    }
}
