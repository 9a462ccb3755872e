// The streamer's container app. On its own, since it needs an image, which needs the registry of main.bicep.

import { namesOf } from 'names.bicep'
import { Settings } from 'types.bicep'

targetScope = 'resourceGroup'

@description('Azure region.')
param location string = resourceGroup().location

@description('Name of the azd environment, if azd deploys.')
param environmentName string

@description('The image with its tag, in the registry of main.bicep.')
param image string

@description('The revision that keeps all traffic until the new one is found healthy; empty: there is none yet.')
param liveRevision string

@description('CPUs of a replica. One stream costs about a thousandth of one for each track.')
@allowed(['0.5', '1', '2', '4'])
param cpu string

@description('Least replicas. A call that finds none is lost, and CPU alone does not see sockets come.')
@minValue(1)
param minReplicas int

@description('Most replicas.')
@minValue(1)
@maxValue(1000)
param maxReplicas int

@description('Streams that one replica takes; more are refused, and ACS tries again.')
@minValue(1)
param maxStreams int

@description('Settings of streamer/settings.py beyond those that are set here, or in their place.')
param settings Settings

// https://learn.microsoft.com/azure/container-apps/storage-mounts
@description('What a replica has by its CPUs: memory, and a disk, of which the spool leaves an eighth to logs.')
var sizes = {
  '0.5': {
    memory: '1Gi'
    spoolMebibytes: 1792
  }
  '1': {
    memory: '2Gi'
    spoolMebibytes: 3584
  }
  '2': {
    memory: '4Gi'
    spoolMebibytes: 7168
  }
  '4': {
    memory: '8Gi'
    spoolMebibytes: 7168
  }
}

// DRAIN_GRACE_SECONDS, what closing takes, and DRAIN_UPLOAD_SECONDS twice fit into it: once for streams
// that do not end, once for uploads. More is not granted.
@description('Seconds from SIGTERM to SIGKILL.')
var terminationGraceSeconds = 600

@description('The names of all resources.')
var names = namesOf(uniqueString(resourceGroup().id))

@description('The port that the streamer listens on.')
var port = 8765

@description('Where the spool\'s volume is.')
var spool = '/spool'

@description('The streamer\'s settings.')
var environmentVariables = union(
  {
    AUDIO_STORAGE_BLOB_SERVICE_URI: storage.properties.primaryEndpoints.blob
    AZURE_CLIENT_ID: identity.properties.clientId
    ACS_TOKEN_AUDIENCE: communication.properties.immutableResourceId
    PORT: string(port)
    SPOOL_DIR: spool
    SPOOL_MAX_BYTES: string(sizes[cpu].spoolMebibytes * 1024 * 1024)
    MAX_STREAMS: string(maxStreams)
    // Well inside the ingress's 240 s for an idle connection.
    PING_INTERVAL_SECONDS: '20'
    DRAIN_GRACE_SECONDS: '500'
    DRAIN_UPLOAD_SECONDS: '45'
  },
  settings
)

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: names.storage
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: names.streamerIdentity
}

resource communication 'Microsoft.Communication/communicationServices@2025-09-01' existing = {
  name: names.communication
}

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' existing = {
  name: names.registry
}

resource environment 'Microsoft.App/managedEnvironments@2026-01-01' existing = {
  name: names.environment
}

resource streamer 'Microsoft.App/containerApps@2026-01-01' = {
  name: names.streamer
  location: location
  tags: { 'azd-env-name': environmentName }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      // The old revision goes on with its calls while the new one takes what comes.
      activeRevisionsMode: 'Multiple'
      maxInactiveRevisions: 5
      registries: [
        {
          server: registry.properties.loginServer
          identity: identity.id
        }
      ]
      ingress: {
        external: true
        // HTTP/1.1, which a WebSocket's upgrade needs.
        transport: 'http'
        allowInsecure: false
        targetPort: port
        traffic: empty(liveRevision)
          ? [
              {
                latestRevision: true
                weight: 100
              }
            ]
          : [
              {
                revisionName: liveRevision
                weight: 100
              }
            ]
      }
    }
    template: {
      terminationGracePeriodSeconds: terminationGraceSeconds
      containers: [
        {
          name: 'streamer'
          image: image
          resources: {
            cpu: json(cpu)
            memory: sizes[cpu].memory
          }
          env: map(items(environmentVariables), variable => {
            name: variable.key
            value: variable.value
          })
          volumeMounts: [
            {
              volumeName: 'spool'
              mountPath: spool
            }
          ]
          probes: [
            {
              // A start finishes first what a killed process left in the spool.
              type: 'Startup'
              httpGet: {
                path: '/healthz'
                port: port
              }
              initialDelaySeconds: 2
              periodSeconds: 10
              timeoutSeconds: 5
              failureThreshold: 10
            }
            {
              // Never depends on storage: a restart would not bring it back.
              type: 'Liveness'
              httpGet: {
                path: '/healthz'
                port: port
              }
              periodSeconds: 10
              timeoutSeconds: 5
              failureThreshold: 6
            }
            {
              // False when the replica is full or draining: new streams go elsewhere, open ones stay.
              type: 'Readiness'
              httpGet: {
                path: '/readyz'
                port: port
              }
              periodSeconds: 5
              timeoutSeconds: 3
              failureThreshold: 2
              successThreshold: 1
            }
          ]
        }
      ]
      volumes: [
        {
          // Outlives a restart of the container, not of the replica; a drain empties it first.
          name: 'spool'
          storageType: 'EmptyDir'
        }
      ]
      scale: {
        minReplicas: minReplicas
        maxReplicas: maxReplicas
        // Rules for HTTP count new requests, not open sockets: a replica full of calls would look idle.
        rules: [
          {
            name: 'cpu'
            custom: {
              type: 'cpu'
              metadata: {
                type: 'Utilization'
                value: '50'
              }
            }
          }
        ]
      }
    }
  }
}
