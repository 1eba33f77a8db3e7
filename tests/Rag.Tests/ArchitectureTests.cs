using System.Reflection;
using System.Text.RegularExpressions;
using ArchUnitNET.Loader;
using Microsoft.Extensions.Logging;

namespace Rag.Tests;

/// <summary>Holds the order of the slices: a slice uses only slices above it in the list.</summary>
public sealed class ArchitectureTests
{
    private static readonly string[] Slices =
    [
        "Foundation", "Storage", "Audit", "Access", "Maintenance", "Caching", "Inference", "Ingestion", "Indexing", "Retrieval",
        "Answering", "Protocols", "Evaluation", "Telemetry", "Slo", "Diagnosis", "Incidents", "Backup", "Security", "Compliance", "Runbook",
    ];

    private static readonly ArchUnitNET.Domain.Architecture Architecture = new ArchLoader().LoadAssemblies(typeof(RagModules).Assembly).Build();

    [Fact]
    public void A_slice_uses_only_slices_above_it()
    {
        var upward = new List<string>();
        foreach (var type in Architecture.Types)
        {
            int from = SliceOf(type.FullName);
            if (from < 0) continue;
            foreach (var dependency in type.Dependencies)
            {
                int to = SliceOf(dependency.Target.FullName);
                // Telemetry reads the gauges of what stands above it; nothing stands on Telemetry but the executable.
                if (to > from) upward.Add($"{type.FullName} uses {dependency.Target.FullName}");
            }
        }
        upward.Distinct().ShouldBeEmpty();
    }

    [Fact]
    public void The_order_is_known_for_every_folder()
    {
        var folders = Architecture.Types.Select(t => Regex.Match(t.FullName, @"^Rag\.(\w+)\.").Groups[1].Value).Where(f => f.Length > 0).Distinct();
        folders.Except(Slices).ShouldBeEmpty();
    }

    [Fact]
    public void The_check_sees_an_upward_reference_where_there_is_one()
    {
        // Answering stands on Retrieval; were the list turned round, that would be an upward reference.
        var answering = Architecture.Types.Where(t => SliceOf(t.FullName) == Array.IndexOf(Slices, "Answering"));
        answering.SelectMany(t => t.Dependencies).Any(d => SliceOf(d.Target.FullName) == Array.IndexOf(Slices, "Retrieval")).ShouldBeTrue();
    }

    [Fact]
    public void An_event_of_the_log_has_a_number_of_its_own()
    {
        var ids = typeof(Rag.Storage.Database).Assembly.GetTypes().SelectMany(t => t.GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Select(m => (m.Name, Event: m.GetCustomAttribute<LoggerMessageAttribute>())).Where(m => m.Event is not null).ToList();
        ids.Count.ShouldBeGreaterThan(50);
        ids.GroupBy(m => m.Event!.EventId).Where(g => g.Count() > 1).Select(g => $"{g.Key}: {string.Join(", ", g.Select(m => m.Name))}").ShouldBeEmpty();
    }

    private static int SliceOf(string name)
    {
        var match = Regex.Match(name, @"^Rag\.(\w+)\.");
        return match.Success ? Array.IndexOf(Slices, match.Groups[1].Value) : -1;
    }
}
