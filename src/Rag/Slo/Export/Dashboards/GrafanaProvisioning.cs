namespace Rag.Slo.Export.Dashboards;

/// <summary>Files of Grafana's own that say where data comes from and where dashboards lie.</summary>
internal static class GrafanaProvisioning
{
    public const string Datasource =
        """
        # The Prometheus that scrapes rag-system; this address is the one of deploy/local.
        apiVersion: 1
        datasources:
          - name: rag-system
            uid: rag-system-prometheus
            type: prometheus
            access: proxy
            url: http://127.0.0.1:8092
            jsonData:
              httpMethod: POST
              # As Prometheus scrapes: $__rate_interval is reckoned from it.
              timeInterval: 15s

        """;

    public const string Dashboards =
        """
        # Reads every dashboard from a folder on Grafana's machine.
        apiVersion: 1
        providers:
          - name: rag-system
            folder: rag-system
            type: file
            # The files are the source: what is changed on the screen is lost with the next release.
            allowUiUpdates: false
            disableDeletion: false
            options:
              path: /etc/grafana/dashboards/rag-system

        """;
}
